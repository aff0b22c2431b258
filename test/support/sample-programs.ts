import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { go } from '../../src/sdk/samples/go.ts';
import { java } from '../../src/sdk/samples/java.ts';
import { python } from '../../src/sdk/samples/python.ts';
import type { Language, SampleRequest } from '../../src/sdk/samples/sample.ts';
import { sluiceCli } from '../../src/sdk/samples/sluice-cli.ts';
import { typescript } from '../../src/sdk/samples/typescript.ts';
import { rootKey } from './sluice.ts';

/** Builds and runs sample code with what scripts/setup.sh --test brings. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const samples = path.join(root, '.cache/samples');
const run = promisify(execFile);

/** Programs by the name of their case: runs one and gives what it printed. */
export type Programs = ReadonlyMap<string, () => Promise<string>>;

type Requests = Readonly<Record<string, SampleRequest>>;

export interface Toolchain {
  readonly language: Language;
  /** Writes the code of each request below `folder` and builds all of it at once. */
  build(folder: string, requests: Requests): Promise<Programs>;
}

/** Keys as the default chain finds them, and nothing else that it could find or ask. */
function environment(home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: home,
    ALIBABA_CLOUD_ACCESS_KEY_ID: rootKey.accessKeyId,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: rootKey.accessKeySecret,
    ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true',
  };
}

/** Runs a program of a case in `folder`. */
function program(folder: string, command: string, args: readonly string[]) {
  return async () => (await run(command, args, { cwd: folder, env: environment(folder) })).stdout;
}

function write(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Writes the code of each case to its own file; gives the program that `start` says. */
function programs(
  folder: string,
  { source }: Language,
  requests: Requests,
  file: (name: string) => string,
  start: (name: string) => readonly [command: string, ...args: string[]],
): Programs {
  const pairs = Object.entries(requests).map(([name, request]) => {
    write(path.join(folder, file(name)), source(request));
    const [command, ...args] = start(name);
    return [name, program(folder, command, args)] as const;
  });
  return new Map(pairs);
}

export const toolchains: readonly Toolchain[] = [
  {
    language: typescript,
    build: async (folder, requests) => {
      const [any] = Object.values(requests);
      for (const [name, text] of Object.entries(typescript.project(any!))) {
        if (name.endsWith('.json')) write(path.join(folder, name), text);
      }
      symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
      const file = (name: string) => `src/${name}.ts`;
      const built = programs(folder, typescript, requests, file, (name) => [
        process.execPath,
        `dist/${name}.js`,
      ]);
      await run(path.join(root, 'node_modules/.bin/tsc'), [], { cwd: folder });
      return built;
    },
  },
  {
    language: python,
    build: async (folder, requests) =>
      programs(
        folder,
        python,
        requests,
        (name) => `${name}.py`,
        (name) => [path.join(root, '.cache/python/bin/python'), '-B', `${name}.py`],
      ),
  },
  {
    language: go,
    build: async (folder, requests) => {
      for (const name of ['go.mod', 'go.sum']) {
        copyFileSync(path.join(samples, 'go', name), path.join(folder, name));
      }
      const file = (name: string) => `${name}/main.go`;
      const built = programs(folder, go, requests, file, (name) => [`./bin/${name}`]);
      mkdirSync(path.join(folder, 'bin'));
      await run('go', ['build', '-ldflags=-s -w', '-o', 'bin/', './...'], { cwd: folder });
      return built;
    },
  },
  {
    language: java,
    build: async (folder, requests) => {
      const classpath = readFileSync(path.join(samples, 'java/classpath'), 'utf8').trim();
      const file = (name: string) => `${name}/Sample.java`;
      return programs(folder, java, requests, file, (name) => [
        ...(['java', '-XX:TieredStopAtLevel=1', '-cp', classpath] as const),
        file(name),
      ]);
    },
  },
  {
    language: sluiceCli,
    build: async (folder, requests) => {
      const main = path.join(root, 'src/main.ts');
      const command = `#!/bin/sh\nexec ${process.execPath} ${main} "$@"\n`;
      write(path.join(folder, 'bin/sluice'), command);
      const onPath = `chmod +x bin/sluice; PATH="$PWD/bin:$PATH"; . "./$1"`;
      const file = (name: string) => `${name}.sh`;
      return programs(folder, sluiceCli, requests, file, (name) => [
        ...(['bash', '-c', onPath, 'bash'] as const),
        file(name),
      ]);
    },
  },
];
