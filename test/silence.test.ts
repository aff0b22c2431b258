import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RpcAnswer } from '../src/client.ts';
import { type Post, SilentFleet } from './support/silent-fleet.ts';
import { until } from './support/wait.ts';

/** What may happen to the second forwarder, and how it ends. */
interface Fault {
  readonly name: string;
  /** It learns of the removal, and cannot say so. */
  readonly learns?: true;
  /** What it has sent already goes on arriving for a while: it is not silent at once. */
  readonly lingers?: true;
  begin(fleet: SilentFleet, post: Post): unknown;
  end(fleet: SilentFleet, post: Post): unknown;
}

const faults: readonly Fault[] = [
  {
    name: 'its agent is stopped (SIGSTOP)',
    begin: (_, { forwarder }) => forwarder.process.kill('SIGSTOP'),
    end: (_, { forwarder }) => forwarder.process.kill('SIGCONT'),
  },
  {
    name: 'its agent is killed',
    begin: (_, { forwarder }) => forwarder.kill('SIGKILL'),
    end: (fleet, post) => fleet.restart(post),
  },
  {
    name: 'it is cut off both ways',
    begin: (fleet, post) => fleet.cut(post, 'in', 'out'),
    end: (fleet, post) => fleet.mend(post),
  },
  {
    name: 'nothing of what it sends arrives',
    learns: true,
    begin: (fleet, post) => fleet.cut(post, 'out'),
    end: (fleet, post) => fleet.mend(post),
  },
  {
    name: 'nothing of what it is sent arrives',
    lingers: true,
    begin: (fleet, post) => fleet.cut(post, 'in'),
    end: (fleet, post) => fleet.mend(post),
  },
];

const applied = ({ headers }: RpcAnswer) => headers['x-sluice-applied'];
const detail = ({ headers }: RpcAnswer) => headers['x-sluice-detail'] ?? '';

for (const isolation of ['serve', 'fence'] as const) {
  describe(`a silent forwarder of a site that says ${isolation}`, () => {
    const fleet = new SilentFleet();
    const silent = () => fleet.posts[1]!;
    before(() => fleet.start(isolation));
    after(() => fleet.stop());

    /** The state of a forwarder as DescribeForwarders has it. */
    const stateOf = async (name: string) => {
      const { body } = await fleet.plane.client.call('Sluice', 'DescribeForwarders', {});
      const { Forwarders } = body as {
        Forwarders: {
          Forwarder: { ForwarderName: string; Sites: { Site: { State: string }[] } }[];
        };
      };
      const found = Forwarders.Forwarder.find(({ ForwarderName }) => ForwarderName === name);
      return found?.Sites.Site[0]?.State;
    };

    for (const fault of faults) {
      test(`${fault.name}: the answer of a removal counts it truthfully`, async () => {
        await fleet.settled();
        if (isolation === 'fence') {
          await until(() => fleet.fences(), { what: 'both forwarders to fence' });
        }
        await fault.begin(fleet, silent());
        try {
          await fleet.load();
          let answer = await fleet.change('RemoveBackendServers');
          if (isolation === 'fence' && fault.lingers) {
            const isGone = async () => {
              answer = await fleet.change('RemoveBackendServers');
              return applied(answer) === '1/1';
            };
            await until(isGone, { what: 'the end of its lease' });
          }
          const answeredAt = performance.timeOrigin + performance.now();
          // Long enough for a stale connection to show through the one that is silent.
          await until(() => performance.timeOrigin + performance.now() > answeredAt + 1_000, {
            what: 'a second of connections',
          });
          const observed = await fleet.observed(answeredAt);
          const [live, cut] = [observed.get('edge-1')!, observed.get('edge-2')!];
          assert.equal(live.stale, 0, 'through the forwarder that has confirmed');
          assert.ok(live.right > 0, 'traffic goes on through the other');
          if (isolation === 'serve') {
            assert.equal(applied(answer), '1/2');
            assert.match(detail(answer), /^edge-2: /);
            assert.ok(cut.stale > 0 || fault.learns, 'it goes on serving: no answer may deny it');
          } else {
            assert.equal(applied(answer), '1/1');
            assert.match(detail(answer), /^edge-2: fenced, silent since \d{4}-/);
            assert.deepEqual(cut, { stale: 0, right: 0 }, 'its engines refuse');
          }
          if (isolation === 'serve') {
            const isSilent = async () => (await stateOf('edge-2')) === 'silent';
            await until(isSilent, { what: 'the silence to be shown' });
            const later = await fleet.change('RemoveBackendServers');
            assert.equal(applied(later), '1/2');
            assert.match(detail(later), /^edge-2: silent since \d{4}-.*Z$/);
          }
        } finally {
          await fault.end(fleet, silent());
        }
        await fleet.settled();
        assert.equal(await stateOf('edge-2'), 'live');
      });
    }

    test('a removal right after a restart of the control plane waits for both', async () => {
      await fleet.settled();
      const { dataFolder, endpoint } = fleet.plane;
      const port = Number(new URL(endpoint).port);
      for (let round = 0; round < 3; round++) {
        await fleet.plane.kill('SIGKILL');
        fleet.plane = await fleet.restartPlane(dataFolder, port);
        const action = round % 2 === 0 ? 'RemoveBackendServers' : 'AddBackendServers';
        const answer = await fleet.change(action);
        const [, counted] = /^[012]\/([012])$/.exec(applied(answer) ?? '') ?? [];
        const fenced = detail(answer).split('fenced, silent since').length - 1;
        assert.equal(Number(counted) + fenced, 2, `${applied(answer)}: ${detail(answer)}`);
        assert.ok(isolation === 'fence' || fenced === 0);
        if (applied(answer) !== '2/2') assert.match(detail(answer), /edge-[12]: /);
      }
    });
  });
}
