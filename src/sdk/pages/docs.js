// Narrows the tables of a page while words are typed; without it the server answers the form.
const form = document.querySelector('.search');
const field = form?.querySelector('input');
const status = form?.querySelector('[role="status"]');
const rows = [...document.querySelectorAll('tbody tr')];

function narrow() {
  const words = field.value.toLowerCase().split(/\s+/);
  let shown = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    if (!row.hidden) shown += 1;
  }
  status.textContent = field.value === '' ? '' : `${shown} of ${rows.length} shown`;
}

field?.addEventListener('input', narrow);
