import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Refusal } from '../elb/refusal.ts';
import { actions } from './actions/index.ts';
import { ApiError, errorTable, fromRefusal, printed } from './errors.ts';

describe('the error table', () => {
  test('every code an action lists has a row', () => {
    const unknown = actions.flatMap(({ name, errors }) =>
      errors.filter((code) => !Object.hasOwn(errorTable, code)).map((code) => `${name}: ${code}`),
    );
    assert.deepEqual(unknown, []);
  });

  test('every row is an HTTP error with a text that ends', () => {
    for (const [code, { status, message, when }] of Object.entries(errorTable)) {
      assert.ok(status >= 400 && status < 600, code);
      assert.match(message, /[.s]$/, code);
      assert.doesNotMatch(printed(code as keyof typeof errorTable), /%s/, code);
      assert.notEqual(when, '', code);
    }
  });

  test('a subject stands in code and text, as it is', () => {
    const error = new ApiError('Missing%s', { subject: '$&Name' });
    assert.equal(error.code, 'Missing$&Name');
    assert.equal(error.message, 'You must specify the parameter $&Name.');
  });

  test('RAM denials differ by product, under one code', () => {
    const ens = new ApiError('NoPermission');
    const others = new ApiError('Forbidden.NoPermission');
    assert.deepEqual(
      [ens.code, ens.status, ens.message],
      ['NoPermission', 400, 'Permission denied.'],
    );
    assert.deepEqual([others.code, others.status], ['NoPermission', 403]);
  });
});

describe('refusals of rules', () => {
  test('an unknown load balancer, in the spelling of the action', () => {
    const error = fromRefusal(new Refusal('LoadBalancerNotFound'), 'loadBalancerId');
    assert.equal(error?.message, 'The input parameter loadBalancerId that is not found.');
    assert.equal(error?.status, 400);
    const shown = fromRefusal(new Refusal('LoadBalancerNotFound', undefined, undefined, 404));
    assert.equal(shown?.message, 'The input parameter LoadBalancerId that is not found.');
    assert.equal(shown?.status, 404);
  });

  test("a rule's sentence is the detail; the documented text stays exact", () => {
    const error = fromRefusal(new Refusal('InvalidParameter.%s', 'Ip', 'i-1 has no address x.'));
    assert.equal(error?.code, 'InvalidParameter.Ip');
    assert.equal(error?.message, 'The specified field Ip invalid. Please check it again.');
    assert.equal(error?.detail, 'i-1 has no address x.');
  });

  test('a missing listener has the word in its text that Terraform looks for', () => {
    const error = fromRefusal(new Refusal('ListenerNotFound'));
    const documented = 'The input parameter listener that is not found.';
    assert.equal(error?.message, `${documented} ListenerNotFound`);
    const gone = fromRefusal(new Refusal('LoadBalancerNotFound.OfListener'), 'loadBalancerId');
    assert.equal(gone?.code, 'LoadBalancerNotFound');
    const text = 'The input parameter loadBalancerId that is not found.';
    assert.equal(gone?.message, `${text} LoadBalancerNotFound`);
  });

  test('a code without a row is not an answer', () => {
    assert.equal(fromRefusal(new Refusal('NoSuchCode')), undefined);
    assert.equal(fromRefusal(new Refusal('constructor')), undefined);
  });
});
