import type { ErrorRow } from './errors.ts';

function notExist(message: string, when: string): ErrorRow {
  return { status: 404, message, when };
}

function conflict(message: string, when: string): ErrorRow {
  return { status: 409, message, when };
}

function wrong(message: string, when: string): ErrorRow {
  return { status: 400, message, when };
}

const most = 'there are as many as there may be';

/**
 * Errors of RAM and STS: codes, statuses and texts of their pages. Where a page has none for a
 * group or a role, the row follows the user's.
 */
export const identityErrors = {
  'InvalidParameter.%s.InvalidChars': wrong(
    'The parameter - "%s" contains invalid chars.',
    'a name holds other signs than its alphabet',
  ),
  'InvalidParameter.%s.Length': wrong(
    'The parameter - "%s" beyond the length limit.',
    'a text is longer than it may be',
  ),
  MalformedPolicyDocument: {
    ...wrong('%s', 'a policy document cannot be read; the text says why'),
    placeholder: '<why the document is none>',
  },
  'EntityNotExist.User': notExist('The user does not exist.', 'there is no such user'),
  'EntityNotExist.User.AccessKey': notExist(
    'The user access key does not exist.',
    'the user has no such access key',
  ),
  'EntityNotExist.User.Policy': notExist(
    'The indicate policy of the user does not exist.',
    'the policy is not attached to the user',
  ),
  'EntityNotExist.User.Group': notExist(
    'The user has not joined the group.',
    'the user is not in the group',
  ),
  'EntityNotExist.User.LoginProfile': notExist(
    'The user login profile does not exist.',
    'log-in profiles of a user: there are none',
  ),
  'EntityNotExist.User.MFADevice': notExist(
    'The user has not bound any MFA device.',
    'MFA devices of a user: there are none',
  ),
  'EntityNotExist.Group': notExist('The group does not exist.', 'there is no such group'),
  'EntityNotExist.Group.Policy': notExist(
    'The indicate policy of the group does not exist.',
    'the policy is not attached to the group',
  ),
  'EntityNotExist.Role': notExist('The specified Role not exists.', 'there is no such role'),
  'EntityNotExist.Role.Policy': notExist(
    'The indicate policy of the role does not exist.',
    'the policy is not attached to the role',
  ),
  'EntityNotExist.Policy': notExist('The policy does not exist.', 'there is no such policy'),
  'EntityNotExist.Policy.Version': notExist(
    'The policy version does not exist.',
    'the policy has no such version',
  ),
  'EntityAlreadyExists.User': conflict('The user does already EXIST.', 'the name is taken'),
  'EntityAlreadyExists.User.Policy': conflict(
    'The user has already been attached this policy.',
    'the user has the policy',
  ),
  'EntityAlreadyExists.User.Group': conflict(
    'The user has already joined the group.',
    'the user is in the group',
  ),
  'EntityAlreadyExists.Group': conflict('The group does already EXIST.', 'the name is taken'),
  'EntityAlreadyExists.Group.Policy': conflict(
    'The group has already been attached this policy.',
    'the group has the policy',
  ),
  'EntityAlreadyExists.Role': conflict('The role does already EXIST.', 'the name is taken'),
  'EntityAlreadyExists.Role.Policy': conflict(
    'The role has already been attached this policy.',
    'the role has the policy',
  ),
  'EntityAlreadyExists.Policy': conflict('The policy does already EXIST.', 'the name is taken'),
  'DeleteConflict.User.Group': conflict(
    'The user CAN NOT be in any group while deleting the user.',
    'the user is in a group',
  ),
  'DeleteConflict.User.AccessKey': conflict(
    'The user CAN NOT has any access key while deleting the user.',
    'the user has an access key',
  ),
  'DeleteConflict.User.Policy': conflict(
    'The user CAN NOT has any attached policy while deleting the user.',
    'the user has a policy',
  ),
  'DeleteConflict.Group.User': conflict(
    'The group CAN NOT has any user member while deleting the group.',
    'a user is in the group',
  ),
  'DeleteConflict.Group.Policy': conflict(
    'The entity CAN NOT has any attached policy while deleting the group.',
    'the group has a policy',
  ),
  'DeleteConflict.Role.Policy': conflict(
    'The role CAN NOT has any attached policy while deleting the role.',
    'the role has a policy',
  ),
  'DeleteConflict.Policy.User': conflict(
    'The policy CAN NOT been attached to any user while deleting the policy.',
    'a user has the policy',
  ),
  'DeleteConflict.Policy.Group': conflict(
    'The policy CAN NOT been attached to any group while deleting the policy.',
    'a group has the policy',
  ),
  'DeleteConflict.Policy.Role': conflict(
    'The policy CAN NOT been attached to any role while deleting the policy.',
    'a role has the policy',
  ),
  'DeleteConflict.Policy.Version': conflict(
    'The policy CAN NOT has any version except the default version.',
    'the policy has versions besides the default one',
  ),
  'DeleteConflict.Policy.Version.Default': conflict(
    'The default policy version CAN NOT been deleted directly.',
    'the version is the default one',
  ),
  'LimitExceeded.User': conflict('The count of users beyond the current limits.', most),
  'LimitExceeded.User.AccessKey': conflict(
    'The access key count of the user access keys beyond the current limits.',
    most,
  ),
  'LimitExceeded.User.Policy': conflict(
    'The policy count of the user attached policies beyond the current limits.',
    most,
  ),
  'LimitExceeded.User.Group': conflict(
    'The group count of the user beyond the current limits.',
    most,
  ),
  'LimitExceeded.Group': conflict('The count of groups beyond the current limits.', most),
  'LimitExceeded.Group.Policy': conflict(
    'The policy count of the group attached policies beyond the current limits.',
    most,
  ),
  'LimitExceeded.Role': conflict('The count of roles beyond the current limits.', most),
  'LimitExceeded.Role.Policy': conflict(
    'The policy count of the role attached policies beyond the current limits.',
    most,
  ),
  'LimitExceeded.Policy': conflict('The count of policy beyond the current limits.', most),
  'LimitExceeded.Policy.Version': conflict(
    'The count of policy version beyond the current limits.',
    most,
  ),
  'InvalidParameter.RoleArn': wrong(
    'The parameter RoleArn is wrongly formed.',
    'RoleArn is not acs:ram::<account>:role/<name>',
  ),
  'InvalidParameter.RoleSessionName': wrong(
    'The parameter RoleSessionName is wrongly formed.',
    'RoleSessionName has other signs or another length',
  ),
  'InvalidParameter.DurationSeconds': wrong(
    'The Min/Max value of DurationSeconds is 15min/1hr.',
    'DurationSeconds is under 900 or above what the role allows',
  ),
  'InvalidParameter.PolicyGrammar': wrong(
    'The parameter Policy has not passed grammar check.',
    'the session policy cannot be read',
  ),
  'InvalidParameter.PolicySize': wrong(
    'The size of Policy must be smaller than 1024 bytes.',
    'the session policy has more than 2,048 characters',
  ),
  'AssumeRole.Root': {
    status: 403,
    code: 'NoPermission',
    message: 'Roles may not be assumed by root accounts.',
    when: "AssumeRole with the account's own access key",
  },
} as const satisfies Readonly<Record<string, ErrorRow>>;
