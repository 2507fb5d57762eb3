// clients.mjs - what the benchmark's clients ask: the rows of reads, and plans for load.c and lag.c (clients.h).
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from './machine.mjs';
import { Keyring } from '../tests/e2e/support/gnupg.mjs';

export const out = resolve('bench/out');

export function load(port, plan, limit) {
  return JSON.parse(run(join(out, 'load'), [String(port), String(limit)], { input: plan.join('\n') + '\n' }));
}

// One client, or several of which each has its share, asks every organization once, so that all of them are resident afterwards.
export function touchAll(server, manifest, clients = 1) {
  const plans = Array.from({ length: clients }, () => ['client']);
  manifest.organizations.forEach((o, i) => plans[i % clients].push(`token ${o.token}`, 'get /v1/user-groups?size=1'));
  return load(server.port, plans.flat(), 0);
}

const addTo = (walk) => `add ${walk.group} ${walk.firstUser} ${walk.users} ${walk.start} ${walk.step} ${walk.size}`;
export const client = (token, walks) => ['client', `token ${token}`, ...walks.map(addTo)];

export function writeRequests(name, lines) {
  const file = join(out, `${name}.requests`);
  writeFileSync(file, lines.map(([path, token]) => `${path} ${token}\n`).join(''));
  return file;
}

// The cookies of a session of the user that the generator gave this key (docs/passbolt.md).
export async function logInToPassbolt(server) {
  const url = `http://127.0.0.1:${server.port}`;
  const keyring = new Keyring();
  const keyid = await keyring.import(
    readFileSync(new URL('../tests/fixtures/openpgp/user-ed25519.secret.asc', import.meta.url), 'utf8'));
  const cookies = [];
  const ask = async (path, gpg_auth) => {
    const answer = await fetch(url + path, gpg_auth && {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ gpg_auth: { keyid, ...gpg_auth } }),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const keep = (answer) => cookies.push(...answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0]));
  await keyring.import((await (await ask('/auth/verify.json')).json()).body.keydata);
  const token = (await ask('/auth/login.json', {})).headers.get('X-GPGAuth-User-Auth-Token');
  const message = decodeURIComponent(token.replace(/\\(.)/g, '$1').replaceAll('+', ' '));
  keep(await ask('/auth/login.json', { user_token_result: (await keyring.decrypt(message)).text }));
  keep(await ask('/users/csrf-token.json'));
  keyring.close();
  return { cookie: cookies.join('; ') };
}

// The rows that have a file for nginx. `requests` lists [path, token]; one alone is repeated.
export function readRows(manifest, fifty, session) {
  const hundred = manifest.organizations.filter((o) => o.groups === 100).slice(0, 400);
  const usual = manifest.organizations.find((o) => o.kind === 'usual');
  const token = (id) => manifest.organizations[id - 1].token;
  const one = [['/v1/user-groups?size=4', usual.token]];
  const group = [`/v1/user-groups/${usual.firstGroup + 3}`, usual.token];
  const groups = '/v1/user-groups';
  const pages = manifest.pages.map((p) => [`${groups}?includeUsers=true&size=50&offset=${p.offset}`, token(p.organization)]);
  const page = hundred.map((o) => [`${groups}?size=50`, o.token]);
  const list = '/v1/usergroups';
  const tedee = `/api/v37/organization/${usual.id}/user-groups/${usual.ten}`;
  const tedeeMembers = `${tedee}?includeMembers=true`;
  return [
    { key: 'four', what: '`GET /v1/user-groups?size=4`', target: 0.85, requests: one },
    { key: 'page', what: 'page of 50 groups, each request another organization', target: 0.8, requests: page },
    { key: 'users', what: 'page of 50 groups with users, each request another page', target: 0.5, requests: pages },
    { key: 'crowd', what: 'the first row with 1,000 connections', target: 0.65, requests: one, connections: 1_000 },
    { key: 'one', what: '`GET /v1/user-groups/{id}`', target: 0.85, requests: [group] },
    { key: 'tedee', what: 'Tedee: one group', target: 0.8, requests: [[tedee, usual.token]] },
    { key: 'tedee-members', what: 'Tedee: one group with 10 members', target: 0.8, requests: [[tedeeMembers, usual.token]] },
    { key: 'struct-pim', what: 'Struct PIM: list of 50 groups', target: 0.55, requests: [[list, { key: fifty.key }]] },
    { key: 'passbolt', what: 'Passbolt: list of 50 groups', target: 0.45, requests: [['/groups.json', session]] },
    { key: 'passbolt-members', what: 'Passbolt: the same with 10 members each, `contain[group_user]=1`', target: 0.4,
      requests: [['/groups.json?contain%5Bgroup_user%5D=1', session]] },
  ];
}
