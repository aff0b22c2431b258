import type { BlockList } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Action } from '../api/actions/action.ts';
import type { Answer } from '../api/answer.ts';
import { createDelivery, refusal, send } from '../api/delivery.ts';
import type { Dispatch } from '../api/dispatch.ts';
import { ApiError } from '../api/errors.ts';
import { type Peer, peerOf } from '../api/peer.ts';
import { credentialsOf } from '../api/sessions.ts';
import type { Timers } from '../clock.ts';
import { limits } from '../limits.ts';
import { type Credential, type SignedCall, signedRequest } from '../signed-request.ts';
import { StoreUnavailable } from '../store/store.ts';
import { askedCall, askedSignIn, readBody } from './asked.ts';
import type { Asset } from './assets.ts';
import { type CookieScope, noCookie, printCookie } from './cookie.ts';
import { descriptions } from './descriptions.ts';
import { checkHost, checkOrigin, isLoopback, safetyHeaders } from './guard.ts';
import {
  type Current,
  current,
  describe,
  endOf,
  redeem,
  type Sessions,
  ticketIn,
} from './sign-in.ts';

export interface ConsoleOptions extends Sessions {
  readonly dispatch: Dispatch;
  readonly actions: readonly Action[];
  /** The built page. */
  readonly assets: ReadonlyMap<string, Asset>;
  readonly timers: Timers;
  readonly onFault: (error: unknown, requestId: string) => void;
  /** Whose word on a caller's address and scheme counts. */
  readonly proxies?: BlockList;
  /** Host names of the console besides loopback names, in lower case. */
  readonly hostNames: readonly string[];
}

/** Routes the web console at `/console/`, before the server listens. */
export function serveConsole(server: FastifyInstance, options: ConsoleOptions): void {
  server.addHook('onRequest', async ({ method, url, headers }, reply) => {
    const isCall = 'x-acs-action' in headers || 'authorization' in headers;
    const isBrowser = headers.accept?.includes('text/html') && !isCall;
    if (method === 'GET' && url === '/' && isBrowser) return reply.redirect('/console/', 303);
  });
  server.get('/console', (_request, reply) => reply.redirect('/console/', 308));
  server.register(
    async (scope) => {
      const door = new ConsoleDoor(scope, options);
      scope.addHook('onRequest', async (request, reply) => {
        reply.headers(safetyHeaders);
        checkHost(request, options.hostNames);
      });
      scope.setErrorHandler((error, request, reply) => door.refuse(error, request, reply));
      scope.setNotFoundHandler((request, reply) =>
        door.refuse(new ApiError('InvalidAction.NotFound'), request, reply),
      );
      scope.get('/session', (request, reply) => door.resume(request, reply));
      scope.post('/session', (request, reply) => door.signIn(request, reply));
      scope.delete('/session', (request, reply) => door.signOut(request, reply));
      scope.post('/call', (request, reply) => door.call(request, reply));
      scope.get('/start', (request, reply) => door.start(request, reply));
      scope.route({
        method: ['GET', 'HEAD'],
        url: '/*',
        handler: (request, reply) => door.page(request, reply),
      });
    },
    { prefix: '/console' },
  );
}

/** What the console asks of its control plane: sessions, calls, files. */
class ConsoleDoor {
  readonly #options: ConsoleOptions;
  readonly #deliver: ReturnType<typeof createDelivery>;
  readonly #described: (path: string) => Asset | undefined;

  constructor(scope: FastifyInstance, options: ConsoleOptions) {
    this.#options = options;
    this.#deliver = createDelivery(scope);
    this.#described = descriptions(options.actions);
  }

  /** Tells who is signed in. */
  async resume(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    checkOrigin(request, this.#peer(request));
    return this.#welcome(reply, describe(await this.#current(request, reply)));
  }

  /** Checks a pair by a call that it signs, so that the door's own rules of refusal hold. */
  async signIn(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    checkOrigin(request, this.#peer(request));
    const { AccessKeyId, AccessKeySecret } = read(askedSignIn, request);
    if (!/^[\w.-]{1,128}$/.test(AccessKeyId)) throw new ApiError('ConsoleSignIn.Failed');
    const pair = { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret };
    const asked = { product: 'Sluice', action: 'CreateConsoleTicket', parameters: {} } as const;
    const never = new AbortController().signal;
    const answer = await this.#dispatch(request, pair, asked, never);
    const ticket = ticketIn(answer);
    if (ticket === undefined) return send(noStore(reply), withoutCors(answer));
    const begun = await redeem(this.#options, ticket);
    if (begun === undefined) throw new ApiError('ConsoleSignIn.Failed');
    this.#setCookie(request, reply, begun);
    // The one answer that has the secret.
    return this.#welcome(reply, { ...describe(begun), csrf: begun.cookie.csrf });
  }

  /** Ends the session everywhere. */
  async signOut(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    checkOrigin(request, this.#peer(request));
    const { headers } = request;
    const { cookie } = await current(this.#options, headers, headers['x-sluice-csrf']);
    await this.#options.sessions.end(cookie.session.console.id);
    reply.header('set-cookie', noCookie(this.#cookieScope(request)));
    return noStore(reply).code(204).send();
  }

  /** Signs a call with the session's temporary key and hands it to the door as anybody's. */
  async call(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    checkOrigin(request, this.#peer(request));
    const found = await this.#current(request, reply);
    const { format, parameters, ...asked } = read(askedCall, request);
    const { seal } = this.#options.seal;
    const { AccessKeyId, AccessKeySecret, SecurityToken } = credentialsOf(
      found.cookie.session,
      seal,
    );
    const credential = {
      accessKeyId: AccessKeyId,
      accessKeySecret: AccessKeySecret,
      securityToken: SecurityToken,
    };
    const whole = format === undefined ? parameters : { ...parameters, Format: format };
    noStore(reply);
    return this.#deliver(reply, async (left) => {
      const ended = new AbortController();
      const signal = AbortSignal.any([left, ended.signal]);
      const call = { ...asked, parameters: whole };
      const answer = await this.#dispatch(request, credential, call, signal);
      if (typeof answer.body !== 'string') this.#holdAgainst(found, reply, ended);
      return withoutCors(answer);
    });
  }

  /** Signs in by a link that a terminal of this machine has printed. */
  async start(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const peer = this.#peer(request);
    checkOrigin(request, peer);
    const ticket = new URLSearchParams(request.raw.url?.split('?')[1]).get('ticket') ?? '';
    const begun = isLoopback(peer) ? await redeem(this.#options, ticket) : undefined;
    noStore(reply);
    if (begun === undefined) return reply.redirect('/console/?link=over', 303);
    this.#setCookie(request, reply, begun);
    // In the page itself: an address that carried the secret would sign in whoever is led to it.
    const { assets } = this.#options;
    const page = assets.get('index.html')?.withMeta('sluice-session', begun.cookie.csrf);
    if (page === undefined) return notBuilt(reply);
    return reply.type('text/html; charset=utf-8').send(page);
  }

  /** A file of the page, or the page itself, which knows what its addresses mean. */
  async page(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const [path = ''] = (request.raw.url ?? '').slice('/console/'.length).split('?');
    const { assets } = this.#options;
    const index = path.startsWith('assets/') ? undefined : assets.get('index.html');
    const found = this.#described(path) ?? assets.get(path) ?? index;
    if (found !== undefined) return found.send(request, reply);
    if (assets.size > 0) throw new ApiError('InvalidAction.NotFound');
    return notBuilt(reply);
  }

  /** Answers an error as the API does. */
  refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const told = toApiError(error);
    const answer = refusal(request, this.#options.proxies, told);
    const isOurs = told.status >= 500;
    if (isOurs) this.#options.onFault(error, answer.headers['x-acs-request-id'] ?? '');
    return send(noStore(reply), withoutCors(answer));
  }

  #welcome(reply: FastifyReply, session: object): FastifyReply {
    return noStore(reply).type('application/json; charset=utf-8').send(session);
  }

  /** The session of a request; its cookie is written anew where it tells of long ago. */
  async #current(request: FastifyRequest, reply: FastifyReply): Promise<Current> {
    const { headers } = request;
    const found = await current(this.#options, headers, headers['x-sluice-csrf']);
    const now = this.#options.now();
    if (now - found.cookie.seenAt < limits.consoleRefresh) return found;
    const renewed = { ...found, cookie: { ...found.cookie, seenAt: now } };
    this.#setCookie(request, reply, renewed);
    return renewed;
  }

  #setCookie(request: FastifyRequest, reply: FastifyReply, { cookie }: Current): void {
    const { seal } = this.#options.seal;
    reply.header('set-cookie', printCookie(cookie, seal, this.#cookieScope(request)));
  }

  #dispatch(
    request: FastifyRequest,
    credential: Credential,
    asked: Omit<SignedCall, 'host'>,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { host = 'localhost', 'user-agent': userAgent } = request.headers;
    const {
      url,
      headers,
      body = '',
    } = signedRequest(credential, { ...asked, host }, this.#options.now());
    const raw = {
      method: 'POST',
      url,
      headers: { ...headers, ...(userAgent === undefined ? {} : { 'user-agent': userAgent }) },
      body: Buffer.from(body),
      ...this.#peer(request),
    };
    return this.#options.dispatch(raw, signal);
  }

  /** Ends a stream with the session that opened it. */
  #holdAgainst({ cookie }: Current, reply: FastifyReply, ended: AbortController): void {
    const { timers, now, sessions } = this.#options;
    let cancel = () => {};
    const look = async () => {
      const isAlive =
        endOf(cookie) > now() && (await sessions.signedIn(cookie.session)) !== undefined;
      if (!isAlive) ended.abort();
      else if (!reply.raw.destroyed) wait();
    };
    const wait = () => {
      // A store that is away has nothing to say of the session: what it said last counts.
      cancel = timers.after(limits.consoleLook, () => void look().catch(wait));
    };
    reply.raw.once('close', () => cancel());
    wait();
  }

  #cookieScope(request: FastifyRequest): CookieScope {
    return { host: request.headers.host, secure: this.#peer(request).secure };
  }

  #peer(request: FastifyRequest): Peer {
    return peerOf(request.raw, this.#options.proxies);
  }
}

function read<Schema extends z.ZodType>(schema: Schema, { body, headers }: FastifyRequest) {
  return readBody(schema, body, headers['content-type']);
}

function notBuilt(reply: FastifyReply): FastifyReply {
  const text = 'The console is not built. Run `npm run build` and start Sluice again.\n';
  return reply.code(404).type('text/plain; charset=utf-8').send(text);
}

function noStore(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-store');
}

/** The door lets pages of any site read its answers; those that a session opens are its own. */
function withoutCors({ headers, ...answer }: Answer): Answer {
  const own = Object.entries(headers).filter(([name]) => !name.startsWith('access-control-'));
  return { ...answer, headers: Object.fromEntries(own) };
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof StoreUnavailable) {
    return new ApiError('ServiceUnavailable', { retryAfterMs: limits.storeRetry });
  }
  const { statusCode = 500, message } = error as { statusCode?: number; message: string };
  if (statusCode >= 500) return new ApiError('InternalError');
  return new ApiError('UnsupportedParameter', { detail: message });
}
