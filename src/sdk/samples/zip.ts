import { strToU8, zipSync } from 'fflate';
import type { Project } from './sample.ts';

/** A project as a zip file, all of it in one folder. */
export function zip(project: Project, folder: string): Uint8Array<ArrayBuffer> {
  const files = Object.entries(project).map(
    ([path, text]) => [`${folder}/${path}`, strToU8(text)] as const,
  );
  return zipSync(Object.fromEntries(files)) as Uint8Array<ArrayBuffer>;
}
