import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { actions } from '../src/api/actions/index.ts';
import { describe } from '../src/sdk/describe.ts';
import { languages } from '../src/sdk/samples/index.ts';

/**
 * Writes the project of a call in each language into a folder of its own under the one named, so
 * that setup.sh can bring what samples need with the projects' own dependency files.
 */
const [folder = '.'] = process.argv.slice(2);
const action = describe(actions.find(({ name }) => name === 'DescribeEnsRegions')!);
for (const language of languages.filter((each) => each.offers(action))) {
  const project = language.project({ action, values: {}, endpoint: 'http://127.0.0.1:8080' });
  for (const [name, text] of Object.entries(project)) {
    const file = path.join(folder, language.id, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}
