import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actions } from '../../api/actions/index.ts';
import { maskParameters } from '../../api/audit-records.ts';
import { limits } from '../../limits.ts';
import { describe } from '../../sdk/describe.ts';
import { type Field, fieldsOf } from '../../sdk/fields.ts';
import { fromQuery, headersOf, noOptions, queryOf } from './address.ts';
import { formOf } from './draft.ts';

const formFor = (name: string): Field =>
  formOf(fieldsOf(describe(actions.find((action) => action.name === name)!).parameters));

test('an address reads as the query of the API does', () => {
  const parameters = { LoadBalancerId: 'lb-1', BackendServers: [{ ServerId: 'i-1' }] };
  const options = { ...noOptions, 'x-sluice-dry-run': 'true' };
  const { query, omitted } = queryOf(formFor('RemoveBackendServers'), parameters, options);
  const list = encodeURIComponent('[{"ServerId":"i-1"}]');
  assert.equal(query, `?LoadBalancerId=lb-1&BackendServers=${list}&x-sluice-dry-run=true`);
  assert.deepEqual(omitted, []);
  assert.equal(queryOf(formFor('RemoveBackendServers'), {}, noOptions).query, '');
});

test('no address holds a secret, and none that holds one is believed', () => {
  const form = formFor('UploadUserCertificate');
  const { query, omitted } = queryOf(form, { Name: 'a', Key: 'a private key' }, noOptions);
  assert.equal(query, '?Name=a');
  assert.deepEqual(omitted, ['Key']);
  assert.deepEqual(fromQuery(form, '?Name=a&Key=planted').draft, { Name: 'a' });
});

test('no address sets the endpoint that the shown code calls', () => {
  const form = formFor('RemoveBackendServers');
  assert.equal(fromQuery(form, '?Endpoint=elsewhere.test').options.Endpoint, '');
  const options = { ...noOptions, Endpoint: 'elsewhere.test' };
  assert.equal(queryOf(form, {}, options).query, '');
});

test('every parameter that the audit log masks as a secret is marked as one', () => {
  // A token that leads to the next page, or that makes a call happen once, lets nobody in.
  const harmless = /^(Next|Client)Token$/;
  const wrong = actions.flatMap((action) =>
    fieldsOf(describe(action).parameters)
      .filter(({ name }) => !harmless.test(name))
      .filter(({ name, secret = false }) => {
        const isMasked = maskParameters({ [name]: 'seen' })[name] !== 'seen';
        return isMasked !== secret;
      })
      .map(({ name }) => `${action.name}.${name}`),
  );
  assert.deepEqual(wrong, []);
});

test('what is too long for an address is named, and the rest kept', () => {
  const Cert = 'x'.repeat(limits.explorerAddress);
  const { query, omitted } = queryOf(
    formFor('UploadUserCertificate'),
    { Cert, Name: 'a' },
    noOptions,
  );
  assert.equal(query, '?Name=a');
  assert.deepEqual(omitted, ['Cert']);
});

test('what the form does not have is not in its address', () => {
  const { query, omitted } = queryOf(formFor('GetUser'), { UserName: 'a', Size: 3 }, noOptions);
  assert.equal(query, '?UserName=a');
  assert.deepEqual(omitted, ['Size']);
});

test('no parameter has the name of an option', () => {
  const names = actions.flatMap(({ input }) => Object.keys(input.shape));
  assert.deepEqual(
    names.filter((name) => name in noOptions),
    [],
  );
});

test('only what is given travels as a header', () => {
  const options = { ...noOptions, RegionId: 'cn-hangzhou', 'x-sluice-confirm-wait': '2s' };
  assert.deepEqual(headersOf(options), { 'x-sluice-confirm-wait': '2s' });
});
