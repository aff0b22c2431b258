import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { mutate, readMutants, root } from './support/mutants.ts';

describe('mutants (npm run mutants)', () => {
  for (const mutant of readMutants()) {
    test(`${mutant.name} still applies, and its tests are there`, () => {
      const source = readFileSync(join(root, mutant.file), 'utf8');
      assert.notEqual(mutate(source, mutant), source);
      assert.ok(mutant.promise.length > 0 && mutant.tests.length > 0);
      for (const path of mutant.tests) {
        assert.ok(existsSync(join(root, path)), path);
        const text = readFileSync(join(root, path), 'utf8');
        if (mutant.pattern !== undefined) assert.ok(text.includes(mutant.pattern), mutant.pattern);
      }
    });
  }
});
