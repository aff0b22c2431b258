import { z } from 'zod';
import { Refusal } from '../../../elb/refusal.ts';
import type { ErrorCode } from '../../errors.ts';
import { type Access, defineAction } from '../action.ts';
import { nothing } from '../fields.ts';
import { userOf } from './directory.ts';
import { errorsOf, limits, resources, userName } from './fields.ts';

/**
 * Users have no console log-in and no MFA device. Who deletes a user asks for both to be gone first
 * and takes the code for "there is none" as done (Terraform's ram_user with force).
 */
function noneOf(name: string, access: Access, summary: string, code: ErrorCode) {
  return defineAction({
    name,
    product: 'Ram',
    access,
    summary,
    input: z.object({ UserName: userName }),
    output: nothing,
    errors: errorsOf('EntityNotExist.User', code),
    limits,
    resource: ({ UserName }, account) => resources.user(UserName, account),
    run: ({ UserName }, call) =>
      call.transact(async (reads) => {
        await userOf(UserName, call, reads);
        throw new Refusal(code);
      }),
  });
}

export const DeleteLoginProfile = noneOf(
  'DeleteLoginProfile',
  'delete',
  'Answers that the user has no login profile: no user has one here.',
  'EntityNotExist.User.LoginProfile',
);

export const UnbindMFADevice = noneOf(
  'UnbindMFADevice',
  'update',
  'Answers that the user has no MFA device: no user has one here.',
  'EntityNotExist.User.MFADevice',
);
