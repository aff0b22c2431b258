import { describe } from 'node:test';
import { provesItsPromises } from './promises.ts';
import { startPythonClient } from './python-client.ts';

describe('alibabacloud_ens20171110 (Python, typed, signature V3)', () => {
  provesItsPromises({
    start: (endpoint) => startPythonClient('typed_sdk.py', endpoint),
    deletion: 'ReleaseInstance',
    exceptionOf: () => 'ClientException',
    throttlingException: 'ThrottlingException',
    wrongSecretCode: 'SignatureDoesNotMatch',
    showsRetryAfter: true,
  });
});

describe('aliyun-python-sdk-ens (Python, signature V1)', () => {
  provesItsPromises({
    start: (endpoint) => startPythonClient('core_sdk.py', endpoint),
    deletion: 'ReleaseInstance',
    exceptionOf: () => 'ServerException',
    // It compares the string to sign in the message with its own; equal means a wrong secret.
    wrongSecretCode: 'InvalidAccessKeySecret',
    showsRetryAfter: false,
  });
});
