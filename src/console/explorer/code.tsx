import { useSignal } from '@preact/signals';
import type { Language, SampleRequest } from '../../sdk/samples/sample.ts';
import { CodeTabs } from '../ui/code-tabs.tsx';
import { Copy } from '../ui/copy.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { Trouble } from '../ui/trouble.tsx';
import { headersOf } from './address.ts';
import type { Form } from './form.ts';

/** The call of the form in every language that can make it, as it stands at the moment. */
export function Code({ form }: { readonly form: Form }) {
  const { action } = form;
  const { value: printers, trouble } = useLoaded(() => import('../../sdk/samples/index.ts'), []);
  if (printers.value === undefined) return <Trouble error={trouble.value} />;
  const languages = printers.value.languages.filter((language) => language.offers(action));
  const request = requestOf(form);
  if (request === undefined) {
    return <p class="empty">The endpoint is no address such as http://127.0.0.1:8080.</p>;
  }
  return (
    <CodeTabs
      languages={languages}
      request={request}
      more={(language) => <Project language={language} request={request} />}
    />
  );
}

/** @returns undefined when the endpoint that was typed is no address */
function requestOf({ action, parameters, options }: Form): SampleRequest | undefined {
  const { Endpoint, RegionId } = options.value;
  const endpoint = Endpoint.includes('//') ? Endpoint : `${location.protocol}//${Endpoint}`;
  if (Endpoint !== '' && !URL.canParse(endpoint)) return undefined;
  return {
    action,
    values: parameters.value ?? {},
    endpoint: Endpoint === '' ? location.origin : endpoint,
    ...(RegionId === '' ? {} : { region: RegionId }),
    headers: headersOf(options.value),
  };
}

interface ProjectProps {
  readonly language: Language;
  readonly request: SampleRequest;
}

/** How to have what the code needs: the command that installs it, or a folder with all of it. */
function Project({ language, request }: ProjectProps) {
  const trouble = useSignal<unknown>(undefined);
  const install = language.installs(request);
  const name = `${request.action.name}-${language.id}`;
  const download = async () => {
    try {
      const { zip } = await import('../../sdk/samples/zip.ts');
      save(zip(language.project(request), name), `${name}.zip`);
      trouble.value = undefined;
    } catch (error) {
      trouble.value = error;
    }
  };
  return (
    <div class="project">
      {install && (
        <div class="code">
          <h2>Install</h2>
          <Copy text={install} what="the command that installs" />
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls takes the keyboard. */}
          <pre tabIndex={0}>{install}</pre>
        </div>
      )}
      <button type="button" onClick={() => void download()}>
        Download project
      </button>
      <p class="hint">
        A folder with the code, what it depends on and how to run it. The access key comes from your
        environment: none stands in the code.
      </p>
      <Trouble error={trouble.value} />
    </div>
  );
}

/** Saves a file as a download of the page's own: nothing is asked of any server. */
function save(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/zip' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
