import { z } from 'zod';
import { defineAction } from '../action.ts';
import { nothing } from '../fields.ts';
import { directoryOf, readsOf } from './directory.ts';
import { errorsOf, limits, resources } from './fields.ts';

const resource = (_: unknown, account: string) => resources.all(account);

export const GetAccountAlias = defineAction({
  name: 'GetAccountAlias',
  product: 'Ram',
  access: 'get',
  summary: "Tells the account's alias; its ID while it has none.",
  input: z.object({}),
  output: z.object({ AccountAlias: z.string() }),
  errors: errorsOf(),
  limits,
  resource,
  run: async (_, call) => {
    const [, { alias }] = await directoryOf(call, readsOf(call));
    return { AccountAlias: alias ?? call.caller.account };
  },
});

export const SetAccountAlias = defineAction({
  name: 'SetAccountAlias',
  product: 'Ram',
  access: 'update',
  summary: 'Gives the account a name for people.',
  input: z.object({
    AccountAlias: z
      .string()
      .max(64)
      .regex(/^[a-z0-9](-?[a-z0-9])*$/)
      .describe('At most 64 small letters, digits and -.'),
  }),
  output: nothing,
  errors: errorsOf(),
  limits,
  resource,
  run: ({ AccountAlias }, call) =>
    call.transact(async (reads) => {
      const [key, directory] = await directoryOf(call, reads);
      return { puts: new Map([[key, { ...directory, alias: AccountAlias }]]), result: {} };
    }),
});

export const ClearAccountAlias = defineAction({
  name: 'ClearAccountAlias',
  product: 'Ram',
  access: 'delete',
  summary: 'Takes the alias from the account.',
  input: z.object({}),
  output: nothing,
  errors: errorsOf(),
  limits,
  resource,
  run: (_, call) =>
    call.transact(async (reads) => {
      const [key, { alias: _alias, ...directory }] = await directoryOf(call, reads);
      return { puts: new Map([[key, directory]]), result: {} };
    }),
});
