import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pretty } from './pretty.ts';

test('JSON is laid out', () => {
  assert.equal(pretty('{"a":[1]}'), '{\n  "a": [\n    1\n  ]\n}');
});

test('XML is laid out, each element on a line of its own', () => {
  const text = '<?xml version="1.0"?><R><A>1 &lt; 2</A><L><M/><M>b</M></L></R>';
  const lines = ['<?xml version="1.0"?>', '<R>', '  <A>1 &lt; 2</A>', '  <L>'];
  assert.equal(pretty(text), [...lines, '    <M/>', '    <M>b</M>', '  </L>', '</R>'].join('\n'));
});

test('anything else stays as it is', () => {
  assert.equal(pretty('no { JSON'), 'no { JSON');
});
