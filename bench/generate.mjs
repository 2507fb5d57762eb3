// generate.mjs - the benchmark's data as a directory file (docs/directory-file.md), always the same for the same seed.
//
//   node bench/generate.mjs --out bench/out [--scale 1] [--seed 1] [--accounts N]
//
// At scale 1: 1,000 organizations, 1 M users, 100 k groups, 5 M memberships. Most groups have about 10 members and a few have
// many, up to 100 k; members are users of the same organization. An organization's large groups come first, so that
// its later pages hold small ones only. Beside data.ndjson a manifest.json tells the benchmark what is inside: tokens,
// groups, pages, and for each group it will write to which users are members and which are not yet.
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { readFlags } from './flags.mjs';

const flags = readFlags(import.meta.url, {
  out: { type: 'string', default: 'bench/out' },
  scale: { type: 'string', default: '1' },
  seed: { type: 'string', default: '1' },
  accounts: { type: 'string', default: '0' },
});
const scale = Number(flags.scale);
const accounts = Number(flags.accounts);
if (!(scale > 0 && scale <= 10) || !(accounts >= 0)) throw new Error('bad --scale or --accounts');
const scaled = (n, atLeast = 1) => Math.max(atLeast, Math.round(n * scale));

// A row is one kind of organization: how many there are, users and groups of each, and how many groups of which size.
// What has no number of users shares the rest of the million; all other groups are small, or have `members`.
const KINDS = [
  { name: 'huge', count: 1, users: 200_000, groups: 50_000, large: [[6, 100_000], [40, 10_000], [300, 1_000], [1_100, 250]] },
  { name: 'wide', count: 2, users: 120_000, groups: 100, large: [[2, 100_000], [10, 10_000], [50, 250]], fixed: true },
  { name: 'large', count: 10, users: 15_000, groups: 100, large: [[4, 10_000], [20, 1_000], [40, 250]], fixed: true },
  { name: 'middle', count: 100, users: 1_500, groups: 100, large: [[5, 1_000], [24, 250]], fixed: true },
  { name: 'usual', count: 277, users: 0, groups: 100, large: [], fixed: true },
  { name: 'fifty', count: 10, users: 0, groups: 50, large: [], fixed: true, members: 10 },
  { name: 'small', count: 600, users: 0, groups: 0, large: [] },
];
const TOTAL = { users: 1_000_000, groups: 100_000, memberships: 5_000_000 };
const CLIENTS = 64; // organizations that are written to at the same time
const ROUNDS = 6;   // repetitions of a write test, each with groups of its own

// mulberry32: small, seeded, good enough for made-up people.
let state = (Number(flags.seed) * 0x9e3779b9) >>> 0;
function random32() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return (t ^ (t >>> 14)) >>> 0;
}
const below = (n) => Math.floor((random32() / 4294967296) * n);
const between = (low, high) => low + below(high - low + 1);
const pick = (list) => list[below(list.length)];

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));
function uuid() {
  const a = random32(), b = random32(), c = random32(), d = random32();
  const h = (w, s) => HEX[(w >>> s) & 255];
  return h(a, 0) + h(a, 8) + h(a, 16) + h(a, 24) + '-' + h(b, 0) + h(b, 8) + '-' +
    HEX[((b >>> 16) & 0x0f) | 0x40] + h(b, 24) + '-' +
    HEX[(c & 0x3f) | 0x80] + h(c, 8) + '-' + h(c, 16) + h(c, 24) + h(d, 0) + h(d, 8) + h(d, 16) + h(d, 24);
}

const FIRST = [
  'Fatima', 'Ada', 'Jörg', 'Søren', 'Zoë', 'Łukasz', 'Nguyễn', 'Ömer', 'José', 'Anna', 'Ben', 'Chloe', 'David', 'Elena',
  'Femke', 'Grace', 'Hiroshi', 'Ines', 'Jakub', 'Kateryna', 'Liam', 'Maria', 'Noah', 'Olga', 'Pieter', 'Quentin', 'Rosa',
  'Sanne', 'Thomas', 'Ursula', 'Victor', 'Wim', 'Xenia', 'Yusuf', 'Zainab', 'Ying', '美咲', 'Δημήτρης', 'Иван', "D'Arcy",
];
const LAST = [
  'Østergård', '佐藤', 'Müller', 'de Vries', 'van den Berg', "O'Brien", 'Smith', 'Jansen', 'García', 'Nowak', 'Kowalczyk',
  'Silva', 'Rossi', 'Dubois', 'Lefèvre', 'Novák', 'Yılmaz', 'Kaya', 'Ivanova', 'Petrov', 'Tanaka', 'Nguyen', 'Kim', 'Chen',
  'Wang', 'Singh', 'Patel', 'Haddad', 'Cohen', 'Mensah', 'Okafor', 'Diallo', 'Johansson', 'Virtanen', 'Hansen', 'Nielsen',
  'Visser', 'Bakker', 'Peeters', 'Maes',
];
const AREA = [
  'North', 'South', 'East', 'West', 'Central', 'Zürich', 'München', 'Utrecht', 'Amsterdam', 'Köln', 'Malmö', 'Århus', 'Québec',
  'São Paulo', 'Kraków', 'Łódź', 'Wien', 'Praha', 'Lisboa', 'Sevilla', '東京', '大阪', 'Αθήνα', 'Київ', 'İzmir', 'Tower', 'Harbour',
  'Airport', 'Campus', 'Warehouse', 'Depot', 'Factory', 'Office', 'Clinic', 'Hospital', 'School', 'Library', 'Museum', 'Garage',
  'Station', 'Basement', 'Rooftop', 'Workshop', 'Studio', 'Laboratory', 'Kitchen', 'Reception', 'Archive', 'Night', 'Weekend',
  'Shared', 'Internal', 'External', 'Temporary', 'Regional', 'National', 'Global', 'Mobile', 'Remote', '"Blue"', '"Green"',
  '"Red"', 'R&D', 'C/D',
];
const TEAM = [
  'Support', 'Sales', 'Engineering', 'Cleaning', 'Security', 'Facilities', 'Finance', 'Legal', 'Marketing', 'Logistics',
  'Procurement', 'Maintenance', 'Operations', 'Planning', 'Quality', 'Research', 'Training', 'Transport', 'Payroll', 'Privacy',
  'Nurses', 'Doctors', 'Teachers', 'Students', 'Drivers', 'Guards', 'Couriers', 'Visitors', 'Contractors', 'Interns',
  'Managers', 'Directors', 'Owners', 'Auditors', 'Électriciens', 'Gärtner', 'Köche', 'Pförtner', 'Ingénieurs', 'Équipe',
  'Developers', 'Designers', 'Testers', 'Editors', 'Writers', 'Analysts', 'Architects', 'Consultants', 'Cashiers', 'Hosts',
  'Volunteers', 'Members', 'Partners', 'Suppliers', 'Tenants', 'Residents', 'Neighbours', 'Friends', 'Alumni', 'Board',
  'Council', 'Committee', 'Task Force', 'Crew',
];
const NOTE = ['', '', '', 'Doors of the main building', 'Access at night and at weekends', 'Created for the "spring" move',
  'Zugang nur für Berechtigte', 'See the handbook, chapter 4: who may open what, and when it ends again'];
const RARE = 'Quokka'; // in one name of the huge organization

// Within an organization the k-th name is unique: area and team run through all pairs, then a number is added.
function groupName(k) {
  const pairs = AREA.length * TEAM.length;
  const at = (k * 2_477) % pairs; // 2477 is prime, so all pairs come before one repeats
  const round = Math.floor(k / pairs);
  return `${AREA[at % AREA.length]} ${TEAM[Math.floor(at / AREA.length)]}${round ? ` ${round + 1}` : ''}`;
}

const DAY_US = 86_400_000_000;
const EPOCH_US = Date.UTC(2020, 0, 1) * 1000;
function date() {
  const us = EPOCH_US + below(2_000) * DAY_US + between(0, 86_399) * 1_000_000;
  return `${new Date(us / 1000).toISOString().slice(0, 19)}.${String(below(1_000_000)).padStart(6, '0')}Z`;
}
// Formatting a date costs more than all the rest of a line, so people share a few thousand of them.
const DATES = Array.from({ length: 4_096 }, date);

function planOrganizations() {
  const organizations = [];
  for (const kind of KINDS) {
    const count = kind.name === 'huge' ? 1 : scaled(kind.count, kind.name === 'middle' ? CLIENTS : 1);
    for (let i = 0; i < count; i++) organizations.push({ id: organizations.length + 1, kind });
  }
  let usersLeft = scaled(TOTAL.users), groupsLeft = scaled(TOTAL.groups);
  let sharingUsers = 0, sharingGroups = 0;
  for (const o of organizations) {
    const { kind } = o;
    o.userCount = kind.name === 'middle' ? kind.users : kind.users && scaled(kind.users, 400);
    o.groupCount = kind.fixed ? kind.groups : kind.groups && scaled(kind.groups, 300);
    usersLeft -= o.userCount;
    groupsLeft -= o.groupCount;
    sharingUsers += o.userCount === 0;
    sharingGroups += o.groupCount === 0;
  }
  for (const o of organizations) {
    if (o.userCount === 0) {
      const even = Math.max(40, usersLeft / sharingUsers);
      o.userCount = sharingUsers === 1 ? Math.max(40, usersLeft) : Math.round(even * (0.4 + (1.2 * random32()) / 4294967296));
      usersLeft -= o.userCount;
      sharingUsers--;
    }
    if (o.groupCount === 0) {
      o.groupCount = Math.max(5, Math.round(groupsLeft / sharingGroups));
      groupsLeft -= o.groupCount;
      sharingGroups--;
    }
  }
  return organizations;
}

function planGroups(organizations) {
  let total = 0;
  const small = [];
  for (const o of organizations) {
    o.sizes = [];
    for (const [count, size] of o.kind.large) {
      const n = count && (o.kind.name === 'huge' ? scaled(count, ROUNDS) : count);
      for (let i = 0; i < n && o.sizes.length < o.groupCount * 0.8; i++) {
        const wanted = o.kind.name === 'middle' ? size : Math.round(size * Math.min(1, scale));
        o.sizes.push(Math.min(Math.max(20, wanted), Math.floor(o.userCount * 0.9)));
      }
    }
    o.largeCount = o.sizes.length;
    while (o.sizes.length < o.groupCount) {
      if (!o.kind.members) small.push([o, o.sizes.length]);
      o.sizes.push(o.kind.members ?? between(5, 16));
    }
    total += o.sizes.reduce((a, b) => a + b, 0);
  }
  // At scale 1 the sum is then exact: small groups gain or lose one member each until it is.
  for (let at = 0, missing = scaled(TOTAL.memberships) - total; scale === 1 && missing !== 0; at = (at + 7_919) % small.length) {
    const [o, g] = small[at], step = Math.sign(missing);
    if (o.sizes[g] + step < 3 || o.sizes[g] + step > 20) continue;
    o.sizes[g] += step;
    missing -= step;
  }
}

function gcd(a, b) {
  while (b) [a, b] = [b, a % b];
  return a;
}

mkdirSync(flags.out, { recursive: true });
const file = openSync(join(flags.out, 'data.ndjson'), 'w');
let lines = 0, pending = '';
function line(text) {
  pending += text;
  pending += '\n';
  lines++;
  if (pending.length > 1 << 20) flush();
}
function flush() {
  const bytes = Buffer.from(pending);
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
  pending = '';
}

const quote = JSON.stringify;
const manifest = { seed: Number(flags.seed), scale, accounts, rare: RARE, organizations: [], clients: [] };
const totals = { users: 0, groups: 0, memberships: 0, credentials: 0 };
let nextUser = 1, nextGroup = 1;

// The first user of the first organization of fifty groups can log in with this key.
const PUBLIC_KEY = readFileSync(new URL('../tests/fixtures/openpgp/user-ed25519.public.asc', import.meta.url), 'utf8');

function writeUsers(o) {
  for (let i = 0; i < o.userCount; i++, nextUser++) {
    const first = pick(FIRST), last = pick(LAST);
    const name = `u${nextUser.toString(36)}`;
    const account = nextUser <= accounts ? `,"accountId":${nextUser}` : '';
    const logsIn = o.kind.members && i === 0 && organizations.find((other) => other.kind === o.kind) === o;
    const key = logsIn ? `,"publicKey":${quote(PUBLIC_KEY)}` : '';
    line(`{"type":"user","organizationId":${o.id},"id":${nextUser},"uuid":"${uuid()}"${account}${key},"userName":"${name}",` +
      `"firstName":"${first}","lastName":"${last}","emailAddress":"${name}@org${o.id}.example"` +
      `${i === 0 ? ',"superUser":true' : ''},"dateCreated":"${pick(DATES)}"}`);
  }
}

function writeGroups(o) {
  const rareAt = o.groupCount - 1 - below(o.groupCount >> 1);
  for (let i = 0; i < o.groupCount; i++, nextGroup++) {
    const name = o.kind.name === 'huge' && i === rareAt ? `${RARE} ${groupName(i)}` : groupName(i);
    const modified = below(4) === 0 ? `,"dateModified":"2026-01-${String(between(10, 28))}T08:15:30.25Z"` : '';
    const id = uuid();
    if (o.sizes[i] === 10) o.ten ??= id; // the first group of ten members
    line(`{"type":"group","organizationId":${o.id},"id":${nextGroup},"uuid":"${id}","name":${quote(name)},` +
      `"description":${quote(pick(NOTE))},"dateCreated":"${pick(DATES)}"${modified}}`);
  }
}

// Members are firstUser + (start + i * step) % users: distinct as long as step and users have no common divisor, and
// whoever is at i >= size is not a member yet. No dates, as in exports of other directories.
function writeMemberships(o) {
  const common = `{"type":"membership","organizationId":${o.id},"groupId":`;
  o.walks = [];
  for (let g = 0; g < o.groupCount; g++) {
    let step;
    do step = between(1, o.userCount - 1); while (gcd(step, o.userCount) !== 1);
    const walk = { group: o.firstGroup + g, start: below(o.userCount), step, size: Math.min(o.sizes[g], o.userCount) };
    o.walks.push(walk);
    const prefix = `${common}${walk.group},"userId":`;
    for (let i = 0, at = walk.start; i < walk.size; i++, at = (at + step) % o.userCount) {
      line(prefix + (o.firstUser + at) + (i === 0 && g % 2 ? ',"manager":true}' : '}'));
    }
    totals.memberships += walk.size;
  }
}

function writeCredentials(o) {
  o.token = uuid();
  const credential = (rest) => {
    totals.credentials++;
    line(`{"type":"credential","organizationId":${o.id},${rest}}`);
  };
  credential(`"uuid":"${uuid()}","name":"bench","kind":"bearer","secret":"${o.token}","rights":["read","write"]`);
  if (o.kind.name === 'fifty') {
    o.key = uuid();
    credential(`"uuid":"${uuid()}","name":"bench key","kind":"key","secret":"${o.key}","rights":["read"]`);
  }
  if (o.id % 5 === 0) credential(`"uuid":"${uuid()}","name":"reader","kind":"bearer","secret":"${uuid()}","rights":["read"]`);
  if (o.id % 7 === 0) {
    const person = `"name":"a person","userId":${o.firstUser}`;
    credential(`"uuid":"${uuid()}",${person},"kind":"bearer","secret":"${uuid()}","rights":["read","write"]`);
  }
  if (o.id % 11 === 0) {
    credential(`"uuid":"${uuid()}","name":"key","kind":"api-key","keyId":"${uuid()}","secret":"${uuid()}","rights":["read"]`);
  }
}

const began = process.hrtime.bigint();
const organizations = planOrganizations();
planGroups(organizations);
for (let i = 1; i <= accounts; i++) {
  line(`{"type":"account","id":${i},"uuid":"${uuid()}","firstName":"${pick(FIRST)}","lastName":"${pick(LAST)}",` +
    `"emailAddress":"a${i}@example.org"}`);
}
for (const o of organizations) {
  o.firstUser = nextUser;
  o.firstGroup = nextGroup;
  const name = `${pick(LAST)} ${pick(['GmbH', 'B.V.', 'Inc.', '& Co', 'Ltd'])} ${o.id}`;
  line(`{"type":"organization","id":${o.id},"uuid":"${uuid()}","name":${quote(name)}}`);
  writeUsers(o);
  writeGroups(o);
  writeMemberships(o);
  writeCredentials(o);
  totals.users += o.userCount;
  totals.groups += o.groupCount;
  manifest.organizations.push({
    id: o.id, kind: o.kind.name, token: o.token, users: o.userCount, groups: o.groupCount, firstUser: o.firstUser,
    firstGroup: o.firstGroup, ten: o.ten, key: o.key,
  });
}
flush();
closeSync(file);

// Pages of 50 groups with about 500 users together.
manifest.pages = organizations.flatMap((o) => {
  const pages = [];
  for (let offset = 0; offset + 50 <= o.groupCount; offset += 50) {
    const users = o.sizes.slice(offset, offset + 50).reduce((a, b) => a + b, 0);
    if (users >= 400 && users <= 650) pages.push({ organization: o.id, offset, users });
  }
  return pages;
});

// Where members are added: by 64 clients in 64 organizations, and to small and to large groups of the huge organization.
const target = (o, walk) => ({ ...walk, firstUser: o.firstUser, users: o.userCount });
const share = (list, round) => list.filter((_, i) => i % ROUNDS === round);
const rounds = (o, walks) => Array.from({ length: ROUNDS }, (_, r) => share(walks, r).map((w) => target(o, w)));
for (const o of organizations.filter((x) => x.kind.name === 'middle').slice(0, CLIENTS)) {
  manifest.clients.push({ token: o.token, rounds: rounds(o, o.walks.slice(o.largeCount)) });
}
const huge = organizations[0];
const largest = Math.max(...huge.sizes);
const ofSize = (size) => rounds(huge, huge.walks.filter((w) => w.size === size).slice(0, ROUNDS));
manifest.large = { token: huge.token, members: largest, rounds: ofSize(largest) };
manifest.small = { token: huge.token, rounds: ofSize(10) };
manifest.totals = { organizations: organizations.length, ...totals, lines };
writeFileSync(join(flags.out, 'manifest.json'), JSON.stringify(manifest));

const seconds = Number(process.hrtime.bigint() - began) / 1e9;
console.error(`${lines} lines in ${seconds.toFixed(1)} s: ${JSON.stringify(manifest.totals)}`);
