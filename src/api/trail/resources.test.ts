import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keys } from '../../store/keys.ts';
import { resourcesOf } from './resources.ts';

const account = '1000000000000001';

test('users, groups, roles and policies are what a call was about', () => {
  const changed = [
    keys.user(account, 'ann'),
    keys.group(account, 'ops'),
    keys.role(account, 'deployer'),
    keys.policy(account, 'drain-only'),
    keys.directory(account),
  ].map((key) => ({ key }));
  assert.deepEqual(resourcesOf({ changes: changed, parameters: {} }), {
    'ACS::RAM::User': ['ann'],
    'ACS::RAM::Group': ['ops'],
    'ACS::RAM::Role': ['deployer'],
    'ACS::RAM::Policy': ['drain-only'],
  });
});

test('a call that changed nothing is about what it named', () => {
  assert.deepEqual(resourcesOf({ changes: [], parameters: { UserName: 'nobody' } }), {
    'ACS::RAM::User': ['nobody'],
  });
});
