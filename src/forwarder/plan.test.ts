import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { attached, balancer, http, tcp } from '../../test/support/haproxy.ts';
import { udp } from '../../test/support/kernel.ts';
import { planCommands } from './plan.ts';

const [one, two] = attached([
  { name: 'i-1', ip: '10.0.0.1', port: 80 },
  { name: 'i-2', ip: '10.0.0.2', port: 80 },
]) as [ReturnType<typeof attached>[0], ReturnType<typeof attached>[0]];
const before = balancer('lb-1', { listeners: [http(80), tcp(81), udp(53)], backends: [one, two] });
const after = { ...before, backends: [two] };
const those = (commands: readonly string[], of: RegExp) => commands.filter((each) => of.test(each));

describe('the commands of a removal', () => {
  test('go to HAProxy for HTTP and TCP, and to nft for UDP', () => {
    const commands = planCommands('haproxy', before, after);
    assert.ok(those(commands, /^set server lb-1\.http-80\..*i-1/).length > 0);
    assert.ok(those(commands, /^set server lb-1\.tcp-81\..*i-1/).length > 0);
    assert.ok(those(commands, /^nft add rule inet sluice svc\.lb-1\.udp-53 /).length > 0);
    assert.deepEqual(those(commands, /^nft add .*10\.0\.0\.1 /), []);
    assert.deepEqual(those(commands, /^nft .*tcp-81/), []);
  });

  test('go to nft for TCP too where the kernel carries it', () => {
    const commands = planCommands('kernel', before, after);
    assert.deepEqual(those(commands, /^set server lb-1\.tcp-81/), []);
    assert.ok(those(commands, /^nft add rule inet sluice svc\.lb-1\.tcp-81 /).length > 0);
  });
});
