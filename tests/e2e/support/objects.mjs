// objects.mjs — lines of the directory file (docs/directory-file.md), made short, and the small world most tests live in.

export const organization = (id, name, more = {}) => ({ type: 'organization', id, name, ...more });
export const account = (id, more = {}) => ({ type: 'account', id, ...more });
export const user = (organizationId, id, more = {}) => ({ type: 'user', organizationId, id, dateCreated: DATE, ...more });
export const group = (organizationId, id, name, more = {}) => ({
    type: 'group',
    organizationId,
    id,
    name,
    dateCreated: DATE,
    ...more,
});
export const membership = (organizationId, groupId, userId, more = {}) => ({
    type: 'membership',
    organizationId,
    groupId,
    userId,
    ...more,
});
export const nesting = (organizationId, groupId, childGroupId) => ({ type: 'nesting', organizationId, groupId, childGroupId });

/* A bearer token; without `userId` it is a service key. */
export const bearer = (organizationId, secret, more = {}) => ({
    type: 'credential',
    organizationId,
    kind: 'bearer',
    secret,
    rights: ['read', 'write'],
    ...more,
});

export const apiKey = (organizationId, keyId, secret, more = {}) => ({
    type: 'credential',
    organizationId,
    kind: 'api-key',
    keyId,
    secret,
    rights: ['read', 'write'],
    ...more,
});

/* One object a line. */
export const toLines = (objects) => objects.map((object) => `${JSON.stringify(object)}\n`).join('');

/* The objects of an export. */
export const fromLines = (text) =>
    text
        .trimEnd()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));

/* The n-th of the tests' own secrets: lower-case UUIDs of version 4, as Bold's tokens are. */
export const secret = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/* When everything in the small world was created. */
export const DATE = '2026-03-10T09:32:05.598979Z';

/* Who may ask in the small world, by name. */
export const TOKEN = {
    service: secret(1), // service key of Acme, reads and writes
    serviceReader: secret(2), // service key of Acme without the right to write
    ada: secret(3), // super user of Acme
    max: secret(4), // manager of Red, plain member of Green
    mia: secret(5), // member of Red and Green
    nils: secret(6), // in no group
    ines: secret(7), // not active any more
    maxReader: secret(8), // Max without the right to write
    umbrella: secret(11), // service key of the other organization
    uma: secret(12), // super user of the other organization
};

/* Acme (organization 1): groups Red 1, Green 2, Blue 3; users Ada 1, Max 2, Mia 3, Nils 4, Ines 5 (not active).
 * Umbrella (organization 2): groups Red 11, Black 12; users Uma 11, Ulf 12. */
export const smallWorld = () => [
    organization(1, 'Acme'),
    organization(2, 'Umbrella'),
    user(1, 1, { displayName: 'Ada', superUser: true }),
    user(1, 2, { displayName: 'Max' }),
    user(1, 3, { displayName: 'Mia' }),
    user(1, 4, { displayName: 'Nils' }),
    user(1, 5, { displayName: 'Ines', active: false }),
    group(1, 1, 'Red'),
    group(1, 2, 'Green'),
    group(1, 3, 'Blue'),
    membership(1, 1, 2, { manager: true }),
    membership(1, 1, 3),
    membership(1, 2, 2),
    membership(1, 2, 3),
    membership(1, 3, 5),
    bearer(1, TOKEN.service),
    bearer(1, TOKEN.serviceReader, { rights: ['read'] }),
    bearer(1, TOKEN.ada, { userId: 1 }),
    bearer(1, TOKEN.max, { userId: 2 }),
    bearer(1, TOKEN.mia, { userId: 3 }),
    bearer(1, TOKEN.nils, { userId: 4 }),
    bearer(1, TOKEN.ines, { userId: 5 }),
    bearer(1, TOKEN.maxReader, { userId: 2, rights: ['read'] }),
    user(2, 11, { displayName: 'Uma', superUser: true }),
    user(2, 12, { displayName: 'Ulf' }),
    group(2, 11, 'Red'),
    group(2, 12, 'Black'),
    membership(2, 11, 12, { manager: true }),
    bearer(2, TOKEN.umbrella),
    bearer(2, TOKEN.uma, { userId: 11 }),
];
