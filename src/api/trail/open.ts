import type { Trail } from '../call.ts';
import { createProof } from './proof.ts';
import { Pruner } from './prune.ts';
import { AuditQueue } from './queue.ts';
import { Sealer, type SealerOptions } from './sealer.ts';

export interface TrailOptions extends Omit<SealerOptions, 'proof'> {
  /** 32 bytes that all control planes of the store share, and nobody else has. */
  readonly secret: Buffer;
  /** How long records are kept. */
  readonly retentionMs: number;
}

export interface OpenTrail extends Trail {
  readonly queue: AuditQueue;
  /** Writes and seals what is left. */
  close(): Promise<void>;
}

/** The audit log of one control plane, with what works on it in the background. */
export function openTrail({ secret, ...options }: TrailOptions): OpenTrail {
  const proof = createProof(secret);
  const queue = new AuditQueue({ ...options, proof });
  const sealer = new Sealer({ ...options, proof });
  const pruner = new Pruner({ ...options, proof, sealer });
  return {
    proof,
    queue,
    newest: () => sealer.newest,
    close: async () => {
      await queue.close();
      await pruner.close();
      await sealer.close();
    },
  };
}
