import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import { limits as bounds } from '../../../limits.ts';
import { isoSeconds } from '../../../signing.ts';
import { sealTicket } from '../../console-tickets.ts';
import { defineAction, documentedLimits } from '../action.ts';

export const CreateConsoleTicket = defineAction({
  name: 'CreateConsoleTicket',
  product: 'Sluice',
  access: 'create',
  summary: 'Answers a ticket that signs in at the console, once, as the caller.',
  description:
    'Follow /console/start?ticket=… on the machine of the control plane within 15 minutes. ' +
    'Accounts and users can, each for itself; temporary keys cannot, since their sessions would ' +
    'never end.',
  input: z.object({}),
  output: z.object({
    Ticket: z.string().describe('Whoever has it becomes the caller for a session.'),
    Expiration: z.string().describe('Until then it may be used.'),
  }),
  errors: ['Forbidden.NoPermission'],
  // Each that is used leaves a record for half a day, so no more than people need.
  limits: documentedLimits,
  forEverybody: true,
  run: async (_, { caller, now, seal }) => {
    const { account, accessKeyId, principal } = caller;
    const isPerson = principal.kind === 'root' || principal.kind === 'user';
    if (!isPerson || accessKeyId.startsWith('STS.')) throw new Refusal('Forbidden.NoPermission');
    const id = randomBytes(16).toString('base64url');
    const expiresAt = now() + bounds.consoleTicket;
    return {
      Ticket: sealTicket({ v: 1, id, account, accessKeyId, expiresAt }, seal),
      Expiration: isoSeconds(expiresAt),
    };
  },
});
