import { readFileSync } from 'node:fs';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Action } from '../api/actions/action.ts';
import { limits } from '../limits.ts';
import { describe } from '../sdk/describe.ts';
import { openApi } from '../sdk/openapi.ts';
import { createPages, type Pages } from '../sdk/pages/pages.ts';
import { Asset } from './assets.ts';
import { safetyHeaders } from './guard.ts';

const source = new URL('../', import.meta.url);

/** Files that pages name, by their address below `/docs/`. */
const files = {
  'base.css': 'console/styles.css',
  'docs.css': 'sdk/pages/docs.css',
  'docs.js': 'sdk/pages/docs.js',
  'icon.svg': 'console/public/icon.svg',
} as const;

/**
 * Routes the reference at `/docs/`, and `/openapi.json`, before the server listens. Pages are
 * printed when they are first asked for, and stay: they never change while the process runs.
 */
export function serveDocs(server: FastifyInstance, actions: readonly Action[]): void {
  const docs = new Docs(actions);
  const method = ['GET', 'HEAD'] as ['GET', 'HEAD'];
  server.register(async (scope) => {
    scope.addHook('onRequest', async (_request, reply) => void reply.headers(safetyHeaders));
    scope.get('/docs', (_request, reply) => reply.redirect('/docs/', 308));
    scope.route({ method, url: '/docs/*', handler: (...asked) => docs.page(...asked) });
    scope.route({ method, url: '/openapi.json', handler: (...asked) => docs.openApi(...asked) });
  });
}

class Docs {
  readonly #actions: readonly Action[];
  #pages: Pages | undefined;
  #openApi: Asset | undefined;
  readonly #assets = new Map<string, Asset>();

  constructor(actions: readonly Action[]) {
    this.#actions = actions;
  }

  async page(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const [path = '', query = ''] = (request.raw.url ?? '').split('?');
    const words = new URLSearchParams(query).get('q')?.trim().slice(0, limits.searchCharacters);
    if (words) return html(this.#printed.search(path, words)).send(request, reply);
    const found = this.#assets.get(path) ?? this.#print(path);
    if (found !== undefined) return found.send(request, reply);
    return html(this.#printed.missing(path)).send(request, reply.code(404));
  }

  openApi(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    this.#openApi ??= new Asset(
      'openapi.json',
      Buffer.from(JSON.stringify(openApi(this.#actions.map(describe), packageVersion()))),
    );
    return this.#openApi.send(request, reply);
  }

  get #printed(): Pages {
    this.#pages ??= createPages(this.#actions.map(describe));
    return this.#pages;
  }

  /** A page or file for the first time; those of error codes are as many as callers like. */
  #print(path: string): Asset | undefined {
    const name = path.slice('/docs/'.length);
    if (Object.hasOwn(files, name)) {
      const file = files[name as keyof typeof files];
      return this.#keep(path, new Asset(name, readFileSync(new URL(file, source))));
    }
    const text = this.#printed.at(path);
    if (text === undefined) return undefined;
    const page = html(text);
    return this.#printed.paths.includes(path) ? this.#keep(path, page) : page;
  }

  #keep(path: string, asset: Asset): Asset {
    this.#assets.set(path, asset);
    return asset;
  }
}

function html(text: string): Asset {
  return new Asset('page.html', Buffer.from(text));
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', source), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
