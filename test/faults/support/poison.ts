/** An event as it was made. */
export interface EventBody {
  id: string;
  app_id: string;
  data: Record<string, unknown>;
  [name: string]: unknown;
}

/** Bodies that Talkdesk has signed and nobody can use; `body` is a good one. */
export function poisonForms(body: EventBody): { what: string; text: string }[] {
  const without = (name: string) => {
    const { [name]: _left, ...data } = body.data;
    return JSON.stringify({ ...body, id: `poison-without-${name}`, data });
  };
  const { id: _id, ...noId } = body;
  return [
    { what: 'no JSON', text: '{"id": "poison-no-json", ' },
    { what: 'no object', text: '["poison"]' },
    { what: 'nothing but a number', text: '7' },
    { what: 'no id', text: JSON.stringify(noId) },
    { what: 'an id that is no text', text: JSON.stringify({ ...body, id: { poison: true } }) },
    { what: 'no installation', text: without('installation_id') },
    { what: 'no account', text: without('account_id') },
    { what: 'an app of somebody else', text: JSON.stringify({ ...body, id: 'poison-app', app_id: 'f'.repeat(32) }) },
    { what: 'no time', text: JSON.stringify({ ...body, id: 'poison-time', created_at: 'soon' }) },
  ];
}
