import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  carriersOf,
  type Forwarder,
  type ForwarderSite,
  forwarderCommand,
  lagOf,
  unfinished,
  untold,
} from './forwarders.ts';

const at = (fields: Partial<ForwarderSite> = {}): ForwarderSite => ({
  EnsRegionId: 'north',
  Revision: 7,
  SiteRevision: 7,
  Behind: 0,
  BehindLoadBalancers: [],
  Engine: 'haproxy 2.6.12',
  State: 'live',
  SilentSince: '',
  Counted: true,
  Fences: false,
  FailureCount: 0,
  Failures: { Failure: [] },
  Notices: [],
  ...fields,
});
const forwarder = (
  ForwarderName: string,
  EnsRegionId: string,
  ...sites: ForwarderSite[]
): Forwarder => ({
  ForwarderName,
  EnsRegionId,
  Live: sites.length > 0,
  Sites: { Site: sites },
  CreateTime: '2026-11-24T08:00:00Z',
});
const names = (site: string, ...all: Forwarder[]) =>
  carriersOf(site, all).map(({ forwarder: { ForwarderName } }) => ForwarderName);

describe('the forwarders of a site', () => {
  test('are its own, the dead ones included', () => {
    assert.deepEqual(names('north', forwarder('a', 'north'), forwarder('b', 'south')), ['a']);
  });

  test('are those of every site while it has none', () => {
    assert.deepEqual(names('north', forwarder('up', '*'), forwarder('b', 'south')), ['up']);
    assert.deepEqual(names('north', forwarder('up', '*'), forwarder('a', 'north')), ['a']);
    const still = forwarder('up', '*', at());
    assert.deepEqual(names('north', still, forwarder('a', 'north')), ['up', 'a']);
  });
});

describe('the lag of a forwarder', () => {
  const lag = (fields: Partial<ForwarderSite>) =>
    lagOf({ forwarder: forwarder('a', 'north'), at: at(fields) });

  test('is the distance to the last change of its site', () => {
    const behind = { Revision: 4, SiteRevision: 9, Behind: 2 };
    assert.equal(lag(behind), '5 revisions behind: 2 load balancers');
    const one = { Revision: 4, SiteRevision: 5, Behind: 1 };
    assert.equal(lag(one), '1 revision behind: 1 load balancer');
  });

  test('is none where revisions went to other sites, and unknown of one that is gone', () => {
    assert.equal(lag({ Revision: 12, SiteRevision: 9 }), 'up to date');
    assert.equal(lagOf({ forwarder: forwarder('a', 'north'), at: undefined }), undefined);
  });
});

describe('a rollout that is not finished', () => {
  const carriers = [
    { forwarder: forwarder('a', 'north'), at: at({ Behind: 1, BehindLoadBalancers: ['lb-1'] }) },
    {
      forwarder: forwarder('b', 'north'),
      at: at({
        Behind: 1,
        BehindLoadBalancers: ['lb-1'],
        FailureCount: 3,
        Failures: {
          Failure: [{ LoadBalancerId: 'lb-1', Listener: 'tcp:80', Reason: 'port 80 is taken' }],
        },
      }),
    },
    { forwarder: forwarder('c', 'north'), at: undefined },
  ];

  test('names who is missing and why, the reason that was reported before the general one', () => {
    assert.deepEqual(
      [...unfinished(carriers)],
      [
        [
          'lb-1',
          [
            { forwarder: 'a', reason: 'It is at revision 7 still.' },
            { forwarder: 'b', reason: 'tcp:80: port 80 is taken' },
          ],
        ],
      ],
    );
  });

  test('says how many are not told', () => assert.equal(untold(carriers), 2));
});

test('the command of a forwarder holds no secret', () => {
  const command = forwarderCommand('https://sluice.example:8080', '*', 'LTAI5t');
  assert.match(command, /sluice forwarder --endpoint https:\/\/sluice.example:8080 --site '\*'$/);
  assert.match(command, /ALIBABA_CLOUD_ACCESS_KEY_ID=LTAI5t$/m);
  assert.match(command, /^read -rsp/);
});
