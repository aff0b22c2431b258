import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { type AnswerContext, failure, hostOf, success } from './answer.ts';
import { ApiError } from './errors.ts';

const context: AnswerContext = {
  format: 'JSON',
  requestId: '0B6A1E3C-9F0D-4C57-8E6B-2F1B7C0D9A11',
  host: '127.0.0.1:8080',
  scheme: 'http',
};
const xmlContext = { ...context, format: 'XML' } as const;

/** Keeps every text a text, so that what was sent can be compared. */
const parser = new XMLParser({ parseTagValue: false, trimValues: false });

describe('successes', () => {
  test('the request id stands on top, and the headers of the gateway come along', () => {
    const { status, headers, body } = success(context, 'Test', { Name: 'x' }, {});
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(String(body)), { RequestId: context.requestId, Name: 'x' });
    assert.deepEqual(headers, {
      'content-type': 'application/json;charset=utf-8',
      'access-control-allow-origin': '*',
      'access-control-expose-headers': '*',
      'x-acs-request-id': context.requestId,
      'x-acs-trace-id': '0b6a1e3c9f0d4c578e6b2f1b7c0d9a11',
      etag: '"0b6a1e3c9f0d4c57"',
    });
  });

  test('what a change did is told in headers', () => {
    const told = { revision: 1042, applied: '2/3', ignored: ['i-1', 'i-2'] };
    const { headers } = success(context, 'Test', {}, told);
    assert.equal(headers['x-sluice-revision'], '1042');
    assert.equal(headers['x-sluice-applied'], '2/3');
    assert.equal(headers['x-sluice-ignored'], 'i-1,i-2');
  });

  test('a dry run answers its commands in the body', () => {
    const { body } = success(context, 'Test', {}, { commands: ['set server a/b state maint'] });
    const { DryRun } = JSON.parse(String(body));
    assert.deepEqual(DryRun, { Commands: ['set server a/b state maint'] });
  });

  test('XML has the root <ActionResponse> and escapes every text', () => {
    const Name = `<a href="x">&amp; 'é' ]]>`;
    const output = { Servers: { Server: [{ Name }, { Name: 'b' }] }, Empty: { Item: [] }, Size: 2 };
    const { headers, body } = success(xmlContext, 'DescribeThings', output, {});
    assert.equal(headers['content-type'], 'text/xml;charset=utf-8');
    const text = String(body);
    assert.ok(text.startsWith('<?xml version="1.0" encoding="UTF-8"?><DescribeThingsResponse>'));
    const { DescribeThingsResponse: root } = parser.parse(text);
    assert.deepEqual(root.Servers.Server, [{ Name }, { Name: 'b' }]);
    assert.equal(root.RequestId, context.requestId);
    assert.equal(root.Size, '2');
    assert.equal(root.Empty, '');
  });

  test('XML is well-formed whatever a caller calls a member', () => {
    const output = { 'ACS::ENS::LoadBalancer': ['lb-1'], Sent: { '<1 a="b">': 'x', 'Tag.1': 'y' } };
    const text = String(success(xmlContext, 'LookUp', output, {}).body);
    assert.equal(XMLValidator.validate(text), true);
    const { LookUpResponse: root } = parser.parse(text);
    assert.equal(root._ACS__ENS__LoadBalancer, 'lb-1');
    assert.deepEqual(root.Sent, { __1_a__b__: 'x', 'Tag.1': 'y' });
  });
});

describe('errors', () => {
  test('the five members are texts, and Recommend leads to our own error page', () => {
    const { status, body } = failure(context, new ApiError('Missing%s', { subject: 'Name' }));
    assert.equal(status, 400);
    assert.deepEqual(JSON.parse(String(body)), {
      RequestId: context.requestId,
      HostId: '127.0.0.1:8080',
      Code: 'MissingName',
      Message: 'You must specify the parameter Name.',
      Recommend: 'http://127.0.0.1:8080/docs/errors/MissingName',
    });
  });

  test('XML errors have the root <Error>', () => {
    const { headers, body } = failure(xmlContext, new ApiError('InternalError'));
    assert.equal(headers['content-type'], 'text/xml;charset=utf-8');
    assert.equal(parser.parse(String(body)).Error.Code, 'InternalError');
  });

  test('a denial says why in an object', () => {
    const accessDenied = { AuthAction: 'ens:Test', NoPermissionType: 'ImplicitDeny' };
    const { body } = failure(context, new ApiError('NoPermission', { accessDenied }));
    assert.deepEqual(JSON.parse(String(body)).AccessDeniedDetail, accessDenied);
  });

  test('a throttled call is told how long to wait, in milliseconds', () => {
    const { headers } = failure(context, new ApiError('Throttling.User', { retryAfterMs: 100 }));
    assert.equal(headers['x-acs-retry-after'], '100');
  });

  test('no detail can break out of its header', () => {
    const detail = `a\r\nSet-Cookie: x=1\0é${'x'.repeat(10_000)}`;
    const { headers } = failure(context, new ApiError('Invalid%s', { subject: 'Name', detail }));
    const shown = headers['x-sluice-detail'] ?? '';
    assert.match(shown, /^[\x20-\x7e]+$/);
    assert.equal(shown.length, 2_000);
  });
});

test('a host that cannot be one is not repeated', () => {
  assert.equal(hostOf({ host: '[::1]:8080' }), '[::1]:8080');
  for (const host of ['<script>', 'a b', 'x'.repeat(300), '', undefined]) {
    assert.equal(hostOf(host === undefined ? {} : { host }), 'localhost');
  }
});
