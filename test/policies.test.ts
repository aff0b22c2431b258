import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { evaluatePolicies } from '../src/ram/evaluate.ts';
import { type Policy, parsePolicy } from '../src/ram/policy.ts';
import { statementDocument } from '../src/ram/print.ts';
import { ask, teach } from './support/cedar.ts';
import {
  attached,
  documentOf,
  type ModelPolicy,
  type ModelRequest,
  parsed,
  policyOf,
  request,
  requestOf,
} from './support/ram-policies.ts';

/**
 * Cedar has no `?` in patterns and no IPv4 addresses in IPv6 clothes: those are left out here, and
 * held by wildcard.test.ts against a model and by a table in evaluate.test.ts.
 */
describe('policies decide as Cedar does', () => {
  const sets = Number(process.env.POLICY_SETS ?? 2_000);
  const requestsPerSet = 5;
  const policies = fc.array(policyOf(['*']), { maxLength: 3 });

  test(`${sets} sets of policies, ${requestsPerSet} requests each, some in a session`, () => {
    const seen = { Allow: 0, ExplicitDeny: 0, ImplicitDeny: 0 };
    const differential = fc.property(
      policies,
      fc.option(policyOf(['*']), { freq: 2, nil: undefined }),
      fc.array(request, { minLength: requestsPerSet, maxLength: requestsPerSet }),
      (identity, session, requests) => {
        teach('identity', identity);
        if (session !== undefined) teach('session', [session]);
        const ours = attached(identity);
        const ourSession = session && parsed(session, 'session');
        for (const each of requests) {
          const decision = evaluatePolicies(requestOf(each), ours, ourSession);
          const narrowed = session && ask('session', each);
          const byWhich = narrowed && narrowed.effect !== 'Allow' ? 'session' : 'identity';
          const expected = byWhich === 'session' ? narrowed! : ask('identity', each);
          const { effect, policyKind, statement } = decision;
          assert.deepEqual(
            { effect, policyKind },
            { effect: expected.effect, policyKind: byWhich },
          );
          if (statement !== undefined) {
            const place = `${statement.attached?.name ?? 0}/${statement.number}`;
            assert.ok(expected.reasons.includes(place), `${place} of ${expected.reasons}`);
          }
          seen[effect] += 1;
        }
      },
    );
    fc.assert(differential, { numRuns: sets });
    // Policies that never meet a request would prove nothing.
    for (const count of Object.values(seen)) {
      assert.ok(count > (sets * requestsPerSet) / 20, JSON.stringify(seen));
    }
  });
});

describe('what holds for all policies', () => {
  const runs = { numRuns: 3_000 };
  const many = fc.array(policyOf(), { maxLength: 3 });
  const decide = (policies: readonly ModelPolicy[], asked: ModelRequest, session?: Policy) =>
    evaluatePolicies(requestOf(asked), attached(policies), session);
  const only = (effect: 'Allow' | 'Deny', policy: ModelPolicy) =>
    policy.map((statement) => ({ ...statement, effect }));

  test('adding what allows takes no access away, and undoes no denial', () => {
    fc.assert(
      fc.property(many, policyOf(), request, (policies, more, asked) => {
        const before = decide(policies, asked).effect;
        const after = decide([...policies, only('Allow', more)], asked).effect;
        assert.ok(after === before || (before === 'ImplicitDeny' && after === 'Allow'));
      }),
      runs,
    );
  });

  test('adding what denies gives no access', () => {
    fc.assert(
      fc.property(many, policyOf(), request, (policies, more, asked) => {
        const before = decide(policies, asked).effect;
        const after = decide([...policies, only('Deny', more)], asked).effect;
        assert.ok(after === before || after === 'ExplicitDeny');
      }),
      runs,
    );
  });

  test('a statement that denies decides, whatever allows beside it', () => {
    const allowAll = [{ effect: 'Allow', except: false, actions: ['*'], resources: [['*']] }];
    const everything = allowAll.map((each) => ({ ...each, conditions: [] })) as ModelPolicy;
    fc.assert(
      fc.property(policyOf(), request, (policy, asked) => {
        const denies = decide([only('Deny', policy)], asked).effect === 'ExplicitDeny';
        const effect = denies ? 'ExplicitDeny' : 'Allow';
        assert.equal(decide([everything, only('Deny', policy)], asked).effect, effect);
      }),
      runs,
    );
  });

  test('order does not matter, of policies, of statements, or how they are spread', () => {
    fc.assert(
      fc.property(many, request, (policies, asked) => {
        const { effect } = decide(policies, asked);
        const reversed = policies.map((each) => each.toReversed()).toReversed();
        assert.equal(decide(reversed, asked).effect, effect);
        const spread = policies.flat().map((statement) => [statement]);
        assert.equal(decide(spread, asked).effect, effect);
      }),
      runs,
    );
  });

  test('a session policy only narrows', () => {
    fc.assert(
      fc.property(many, policyOf(), request, (policies, session, asked) => {
        const narrowed = decide(policies, asked, parsed(session, 'session')).effect;
        const both =
          decide(policies, asked).effect === 'Allow' && decide([session], asked).effect === 'Allow';
        assert.equal(narrowed === 'Allow', both);
      }),
      runs,
    );
  });

  test('a document that is read, written and read again is the same policy', () => {
    fc.assert(
      fc.property(policyOf(), (policy) => {
        const once = parsed(policy);
        assert.deepEqual(parsePolicy(printed(once), 'identity'), once);
        assert.equal(once.statements.length, policy.length);
        assert.ok(documentOf(policy).length < 6_144);
      }),
      runs,
    );
  });
});

function printed({ statements }: Policy): string {
  return JSON.stringify({ Version: '1', Statement: statements.map(statementDocument) });
}
