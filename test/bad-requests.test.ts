import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { limits } from '../src/limits.ts';
import { v1Request, v3Request } from './support/door.ts';
import { checkError, openRefusals, type Refusals } from './support/refusals.ts';
import { rootKey } from './support/sluice.ts';
import { exchange, openRaw, type RawSocket, type WireRequest } from './support/wire.ts';

let door: Refusals;
/** Clients that began a request and never end it; they are looked at last. */
let stalled: { readonly what: string; readonly socket: RawSocket }[];

before(async () => {
  door = await openRefusals();
  stalled = stall();
});
after(async () => {
  for (const { socket } of stalled ?? []) socket.drop();
  await door?.close();
});

function stall() {
  const head = `POST / HTTP/1.1\r\nHost: ${door.host}\r\n`;
  const open = (what: string, bytes: string) => {
    const socket = openRaw(door.sluice.endpoint);
    socket.write(bytes);
    return { what, socket };
  };
  return [
    open('half a request line', 'POST / HT'),
    open('headers without an end', `${head}X-A: `),
    open('half a body', `${head}Content-Length: 100\r\n\r\nAction=`),
    open('half a chunk', `${head}Transfer-Encoding: chunked\r\n\r\n20\r\nAction=`),
  ];
}

describe('the protocol, in the order of the gateway', () => {
  const key = { id: rootKey.accessKeyId, secret: rootKey.accessKeySecret };
  const action = 'DescribeLoadBalancerAttribute';
  const wire = ({ method, url, headers, body }: ReturnType<typeof v1Request>): WireRequest => ({
    method,
    path: url,
    headers: { ...headers, host: door.host },
    body: body.toString(),
  });
  const v1 = (parameters: Record<string, string> = {}, options = {}) =>
    wire(
      v1Request(
        action,
        { LoadBalancerId: door.loadBalancerId, ...parameters },
        { key, ...options },
      ),
    );
  const v3 = (options: Parameters<typeof v3Request>[2] = {}) => {
    const headers = { host: door.host, ...options.headers };
    const parameters = { LoadBalancerId: door.loadBalancerId };
    return wire(v3Request(action, parameters, { key, ...options, headers }));
  };
  const without = (name: string) => {
    const request = v1();
    const kept = request.path.slice(2).split('&');
    return {
      ...request,
      path: `/?${kept.filter((pair) => !pair.startsWith(`${name}=`)).join('&')}`,
    };
  };
  const minutes = 60_000;

  test('each fault has its code, whatever is wrong behind it', async () => {
    const old = { time: Date.now() - limits.clockSkew - minutes };
    const early = { time: Date.now() + limits.clockSkew + minutes };
    const wrongKey = { key: { ...key, secret: 'not the secret' } };
    const noKey = { key: { ...key, id: 'LTAI5tNobody' } };
    const cases: [string, WireRequest, number, string][] = [
      ['PUT', { ...v1(), method: 'PUT' }, 403, 'UnsupportedHTTPMethod'],
      ['DELETE', { ...v3(), method: 'DELETE' }, 403, 'UnsupportedHTTPMethod'],
      ['another path', { ...v1(), path: '/v1/load-balancers' }, 404, 'InvalidAction.NotFound'],
      ['dots', { ...v1(), path: '/../../etc/passwd' }, 404, 'InvalidAction.NotFound'],
      ['nothing', { ...v1(), path: '/' }, 400, 'MissingAction'],
      ['no action', without('Action'), 400, 'MissingAction'],
      ['no version', without('Version'), 400, 'MissingVersion'],
      ['unknown version', v1({ Version: '2017-11-11' }, old), 400, 'InvalidVersion'],
      ['unknown action', v1({ Action: 'DropEverything' }, old), 404, 'InvalidAction.NotFound'],
      ['action in other case', v1({ Action: action.toLowerCase() }), 404, 'InvalidAction.NotFound'],
      ['action of a prototype', v1({ Action: '__proto__' }), 404, 'InvalidAction.NotFound'],
      ['unknown format', v1({ Format: 'YAML' }, old), 400, 'InvalidParameter.Format'],
      ['no key', without('AccessKeyId'), 400, 'MissingAccessKeyId'],
      ['no timestamp', without('Timestamp'), 400, 'MissingTimestamp'],
      ['no nonce', without('SignatureNonce'), 400, 'MissingSignatureNonce'],
      ['no signature', without('Signature'), 400, 'MissingSignature'],
      ['method', v1({ SignatureMethod: 'MD5' }, old), 400, 'InvalidSignatureMethod'],
      ['version of signature', v1({ SignatureVersion: '2' }, old), 400, 'InvalidSignatureVersion'],
      ['no time', v1({ Timestamp: 'yesterday' }, noKey), 400, 'InvalidTimeStamp.Format'],
      ['an old time', v1({}, { ...noKey, ...old }), 400, 'InvalidTimeStamp.Expired'],
      ['a time to come', v3(early), 400, 'InvalidTimeStamp.Expired'],
      ['unknown key', v1({ LoadBalancerId: '' }, noKey), 404, 'InvalidAccessKeyId.NotFound'],
      ['token', v1({ SecurityToken: 'x' }, wrongKey), 400, 'InvalidSecurityToken.Malformed'],
      ['another body', { ...v3({ body: 'a' }), body: 'b' }, 400, 'ContentMD5NotMatched'],
      ['wrong secret', v1({ LoadBalancerId: '' }, wrongKey), 400, 'SignatureDoesNotMatch'],
      ['wrong secret, V3', v3(wrongKey), 400, 'SignatureDoesNotMatch'],
      ['a parameter added', { ...v1(), path: `${v1().path}&A=1` }, 400, 'SignatureDoesNotMatch'],
      ['malformed', withAuthorization(v3(), 'ACS3-HMAC-SHA256 x'), 400, 'MissingAccessKeyId'],
    ];
    await door.unchanged(async () => {
      for (const [what, ...rest] of cases) await door.refuse(...rest, what);
    });
  });

  function withAuthorization(request: WireRequest, authorization: string): WireRequest {
    return { ...request, headers: { ...request.headers, authorization } };
  }

  test('a nonce serves once, and a request that is not proven uses none up', async () => {
    const nonce = 'a nonce of this test';
    const forged = v1({}, { nonce, key: { ...key, secret: 'not the secret' } });
    await door.refuse(forged, 400, 'SignatureDoesNotMatch', 'forged');
    const once = v1({}, { nonce });
    assert.equal((await exchange(door.sluice.endpoint, once)).status, 200);
    await door.refuse(once, 400, 'SignatureNonceUsed', 'replayed');
    await door.refuse(v1({}, { nonce }), 400, 'SignatureNonceUsed', 'signed anew');
    await door.refuse(v3({ nonce }), 400, 'SignatureNonceUsed', 'as V3');
  });

  test('a header past the bound, and bytes that are no request, are answered and cut', async () => {
    const big = 'x'.repeat(limits.headerBytes + limits.queryBytes + 1_000);
    const bodies = await Promise.all(
      [
        `GET / HTTP/1.1\r\nHost: ${door.host}\r\nX-A: ${big}\r\n\r\n`,
        '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
        'GET / HTTP/9.9\r\n\r\n',
        `GET / HTTP/1.1\r\nHost: ${door.host}\r\nContent-Length: -5\r\n\r\n`,
        `GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
        `GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc`,
      ].map((bytes) => {
        const socket = openRaw(door.sluice.endpoint);
        socket.write(bytes);
        return socket.answer;
      }),
    );
    for (const answer of bodies) checkRaw(answer, 'bytes');
  });

  test('a client that leaves half-way harms nobody', async () => {
    const head = `POST / HTTP/1.1\r\nHost: ${door.host}\r\nContent-Length: 50\r\n\r\n`;
    await door.unchanged(async () => {
      for (let round = 0; round < 20; round++) {
        const socket = openRaw(door.sluice.endpoint);
        socket.write(`${head}Action=Add`);
        if (round % 2 === 0) socket.end();
        else socket.drop();
        await socket.answer;
      }
      assert.equal((await exchange(door.sluice.endpoint, v1())).status, 200);
    });
  });

  test('a client that stalls is cut, with an answer, while others are served', async () => {
    assert.equal((await exchange(door.sluice.endpoint, v3())).status, 200);
    for (const { what, socket } of stalled) checkRaw(await socket.answer, what);
  });

  function checkRaw(answer: string, what: string): void {
    const [head = '', text = ''] = answer.split('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 400 /, `${what}: ${JSON.stringify(answer.slice(0, 200))}`);
    const headers = { 'content-type': /content-type: (.*)/i.exec(head)?.[1] ?? '' };
    checkError({ status: 400, headers, text }, 'UnsupportedParameter', what);
  }

  test('nothing of all this is a fault of ours', () => {
    assert.doesNotMatch(door.sluice.output(), /"level":(50|60)|InternalError|Unhandled/);
  });
});
