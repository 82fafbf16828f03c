/** Registered apps. */
import { onSubmit } from './act.js';
import { call } from './api.js';
import { byId, element, setText, showItems } from './dom.js';

export function setUpApps() {
  const form = byId('app-form');
  onSubmit(form, byId('app-result'), async ({ app_id: id, ...app }) => {
    const made = await call('PUT', `/apps/${encodeURIComponent(id)}`, app);
    return `Events of ${made.app_id} go to ${made.callback_url}.`;
  });

  function createApp() {
    const id = element('strong');
    const callback = element('span', { class: 'under code' });
    const change = element('button', { type: 'button' });
    let shown;
    change.addEventListener('click', () => {
      form.elements.app_id.value = shown.app_id;
      form.elements.callback_url.value = shown.callback_url;
      form.elements.version_name.value = shown.version_name;
      form.elements.callback_url.focus();
    });
    return {
      root: element('li', {}, element('div', {}, id, callback), change),
      update(app) {
        shown = app;
        setText(id, `${app.app_id}, version ${app.version_name}`);
        setText(callback, app.callback_url);
        setText(change, `Change ${app.app_id}`);
      },
    };
  }

  return {
    show({ apps }) {
      showItems(byId('apps-list'), apps, ({ app_id: id }) => id, createApp);
      byId('apps-empty').hidden = apps.length > 0;
    },
  };
}
