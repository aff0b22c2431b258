import type { ComponentChildren } from 'preact';

interface Props {
  readonly titles: readonly string[];
  /** A last column without a title has buttons. */
  readonly hasActions?: boolean;
  /** The rows. */
  readonly children: ComponentChildren;
}

/** A table that scrolls in itself on narrow screens. */
export function Table({ titles, hasActions = false, children }: Props) {
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            {titles.map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
            {hasActions && (
              <th scope="col">
                <span class="unseen">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
