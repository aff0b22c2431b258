import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** What is smaller goes into one packet as it is. */
const worthCompressing = 1_000;

/** Nearly as small as brotli gets, in a tenth of its longest time. */
const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };

type Encoding = 'br' | 'gzip';

const encoders: Readonly<Record<Encoding, (bytes: Buffer) => Promise<Buffer>>> = {
  br: (bytes) => promisify(brotliCompress)(bytes, brotli),
  gzip: (bytes) => promisify(gzip)(bytes),
};

/** One file as browsers get it; compressed once, when the first one asks. */
export class Asset {
  readonly #bytes: Buffer;
  readonly #etag: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #encoded = new Map<Encoding, Promise<Buffer>>();

  /** @param name tells its type, and whether its content can change: that of `assets/` cannot */
  constructor(name: string, bytes: Buffer) {
    const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
    this.#bytes = bytes;
    // Weak: the same whatever the encoding.
    this.#etag = `W/"${hash}"`;
    this.#headers = {
      'content-type': types[extname(name)] ?? 'application/octet-stream',
      'cache-control': name.startsWith('assets/')
        ? 'public, max-age=31536000, immutable'
        : 'no-cache',
      vary: 'accept-encoding',
      etag: this.#etag,
    };
  }

  /** Answers a GET or HEAD. */
  async send({ headers }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    reply.headers(this.#headers);
    if (headers['if-none-match']?.includes(this.#etag)) return reply.code(304).send();
    const encoding = this.#encodingFor(headers['accept-encoding']);
    if (encoding === undefined) return reply.send(this.#bytes);
    return reply.header('content-encoding', encoding).send(await this.#encode(encoding));
  }

  /** The text of an HTML file with one more `<meta>`; `content` needs no escaping. */
  withMeta(name: string, content: string): string {
    const meta = `<meta name="${name}" content="${content}" />`;
    return this.#bytes.toString('utf8').replace('<head>', `<head>\n    ${meta}`);
  }

  #encodingFor(accepted: string | readonly string[] = ''): Encoding | undefined {
    if (this.#bytes.length < worthCompressing) return undefined;
    const names = String(accepted)
      .split(',')
      .filter((each) => !/;\s*q=0(\.0*)?\s*$/.test(each))
      .map((each) => each.split(';')[0]?.trim());
    return (['br', 'gzip'] as const).find((each) => names.includes(each));
  }

  #encode(encoding: Encoding): Promise<Buffer> {
    const known = this.#encoded.get(encoding);
    if (known !== undefined) return known;
    const made = encoders[encoding](this.#bytes);
    this.#encoded.set(encoding, made);
    return made;
  }
}

/**
 * Every file of a folder, by its path below it with `/`: what is asked for is looked up here and
 * nowhere else, so no request names a file of the disk.
 * @returns nothing where the folder is absent
 */
export async function loadAssets(folder: string): Promise<ReadonlyMap<string, Asset>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    },
  );
  const loaded = entries
    .filter((entry) => entry.isFile())
    .map(async ({ parentPath, name }) => {
      const path = join(parentPath, name);
      const below = path.slice(folder.length + 1).replaceAll(sep, '/');
      return [below, new Asset(below, await readFile(path))] as const;
    });
  return new Map(await Promise.all(loaded));
}
