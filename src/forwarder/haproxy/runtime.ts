import net from 'node:net';
import { limits } from '../../limits.ts';

/** A HAProxy process that has ended: nothing can be, or need be, told to it. */
export class WorkerGone extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'WorkerGone';
  }
}

/**
 * One socket of HAProxy: of a worker (`stats socket`) or of the master. Batches of commands go one
 * after the other, each in a connection of its own.
 */
export class RuntimeSocket {
  readonly #path: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * @returns one answer for each command; an error of HAProxy's is an answer too
   * @throws WorkerGone when nobody listens, or the master knows no such worker; else when a
   *   command could end another's line, or answers do not come in time
   */
  run(commands: readonly string[]): Promise<string[]> {
    const unsafe = commands.find((command) => !isCommand(command));
    if (unsafe !== undefined) {
      return Promise.reject(new Error(`no command for HAProxy: ${JSON.stringify(unsafe)}`));
    }
    const batch = this.#last.then(() => this.#runAll(commands));
    this.#last = batch.catch(() => {
      // The caller has the error; the next batch need not.
    });
    return batch;
  }

  /**
   * Runs one command that takes a text of several lines.
   * @param payload lines as PEM has them, none empty
   * @throws as `run`
   */
  give(command: string, payload: string): Promise<string> {
    if (!isCommand(command) || !/^(?:[A-Za-z0-9+/= -]+\n)+$/.test(payload)) {
      return Promise.reject(new Error('no command for HAProxy, or no payload of one'));
    }
    const given = this.#last.then(() => exchange(this.#path, [`${command} <<\n${payload}`]));
    this.#last = given.catch(() => {
      // As above.
    });
    return given.then(([answer = '']) => answer);
  }

  async #runAll(commands: readonly string[]): Promise<string[]> {
    const all: string[] = [];
    for (const line of inLines(commands)) all.push(...(await exchange(this.#path, line)));
    return all;
  }
}

function isCommand(text: string): boolean {
  return /^[\x20-\x3a\x3c-\x7e]+$/.test(text);
}

/** Sends one line of commands. */
function exchange(path: string, commands: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path });
    const chunks: string[] = [];
    socket.setEncoding('utf8');
    const timer = setTimeout(() => {
      socket.destroy(new Error(`HAProxy did not answer within ${limits.engineCommand} ms`));
    }, limits.engineCommand);
    socket.on('data', (chunk: string) => chunks.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const isGone = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(error.code ?? '');
      reject(isGone ? new WorkerGone(`HAProxy is not there: ${error.code}`) : error);
    });
    socket.on('close', () => {
      clearTimeout(timer);
      const text = chunks.join('');
      if (text === '' || /Can't (find the target PID|connect to the target CLI)/.test(text)) {
        return reject(new WorkerGone(`HAProxy is not there: ${text.trim() || 'no answer'}`));
      }
      const answers = commands.length === 1 ? [text.trimEnd()] : splitAnswers(text);
      if (answers.length === commands.length) return resolve(answers);
      const reason = `HAProxy gave ${answers.length} answers to ${commands.length} commands`;
      reject(new Error(`${reason}: ${text.slice(0, 200)}`));
    });
    socket.end(`${commands.join(';')}\n`);
  });
}

/** Every answer but `del server`'s, empty or not, ends in an empty line and has none of its own. */
function splitAnswers(text: string): string[] {
  const answers: string[] = [];
  let lines: string[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    if (line !== '') {
      lines.push(line);
    } else {
      answers.push(lines.join('\n'));
      lines = [];
    }
  }
  return answers;
}

/** Commands in groups that fit HAProxy's line buffer. */
function inLines(commands: readonly string[]): string[][] {
  const groups: string[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const command of commands) {
    size += command.length + 1;
    if (size > limits.engineLine) {
      groups.push([]);
      size = command.length + 1;
    }
    groups.at(-1)!.push(command);
  }
  return groups;
}

/** What an answer to a command that changes something says when it went wrong. */
export function errorIn(answer: string): string | undefined {
  const isGood = answer === '' || /^(New server registered|Server deleted)\.$/.test(answer);
  return isGood ? undefined : answer;
}
