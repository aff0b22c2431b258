import { keys } from '../../store/keys.ts';
import type { Trail } from '../call.ts';
import { bytesBetween, readEnd } from './chain.ts';
import { createProof } from './proof.ts';
import { Pruner } from './prune.ts';
import { AuditQueue } from './queue.ts';
import { Sealer, type SealerOptions } from './sealer.ts';

export interface TrailOptions extends Omit<SealerOptions, 'proof'> {
  /** 32 bytes that all control planes of the store share, and nobody else has. */
  readonly secret: Buffer;
  /** How long records are kept. */
  readonly retentionMs: number;
  /** Bytes past which the oldest records go. */
  readonly mostBytes: number;
}

/** What is measured of the audit log. */
export interface TrailFigures {
  /** Sealed records that the store holds. */
  readonly bytes: number;
  /** Records that this control plane has dropped since its start because the log was too large. */
  readonly dropped: number;
  /** Refused calls that it has counted and not recorded. */
  readonly omitted: number;
}

export interface OpenTrail extends Trail {
  readonly queue: AuditQueue;
  /** @throws ForgedRecord; StoreUnavailable */
  figures(): Promise<TrailFigures>;
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
    figures: async () => {
      const anchor = await readEnd(options.store, proof, keys.auditAnchor);
      const head = await readEnd(options.store, proof, keys.auditHead);
      const bytes = bytesBetween(anchor, head);
      return { bytes, dropped: pruner.dropped, omitted: queue.omitted };
    },
    close: async () => {
      await queue.close();
      await pruner.close();
      await sealer.close();
    },
  };
}
