// Directory files for the tests of roster import: one with everything in it, and what becomes of good and bad ones.
import fs from 'node:fs';
import path from 'node:path';
import { account, nesting, organization, toLines } from './objects.mjs';
import { ROOT, Roster } from './roster.mjs';

export const UUID = (n) => `11111111-1111-4111-8111-${String(n).padStart(12, '0')}`;
const HASH = 'ab'.repeat(32);

/* Every member of every type, in the order of the format. */
export const FULL_WORLD = [
    organization(1, 'Acme', { uuid: UUID(1) }),
    organization(2, 'Free', { uuid: UUID(2), uniqueGroupNames: false }),
    account(1, { uuid: UUID(3), firstName: 'Ada', lastName: 'Østergård', emailAddress: 'ada@example.org' }),
    account(2, { uuid: UUID(4) }),
    {
        type: 'user',
        organizationId: 1,
        id: 1,
        uuid: UUID(5),
        accountId: 1,
        userName: 'ada',
        displayName: 'Ada Ø.',
        firstName: 'Ada',
        lastName: 'Ø',
        emailAddress: 'a@example.org',
        emailAddressVerify: true,
        emailAddressVerified: true,
        phoneNumber: '+31850607337',
        phoneNumberVerify: true,
        phoneNumberVerified: true,
        superUser: true,
        active: false,
        description: 'd "q" \\ \n',
        remarks: 'r 😀',
        externalId: 'ext',
        autoRemoveAfter: 'YEAR',
        autoRemoveDate: '2027-01-01T00:00:00Z',
        dateCreated: '2026-03-10T09:32:07.03552Z',
        dateModified: '2026-03-11T00:00:00Z',
        publicKey: fs.readFileSync(path.join(ROOT, 'tests/fixtures/openpgp/user-rsa3072.public.asc'), 'utf8'),
    },
    { type: 'user', organizationId: 1, id: 2, uuid: UUID(6), superUser: false, dateCreated: '2026-03-10T09:32:07Z' },
    {
        type: 'group',
        organizationId: 1,
        id: 1,
        uuid: UUID(7),
        name: 'Doors',
        description: 'd',
        remarks: 'r',
        externalId: 'g1',
        languages: [
            { languageId: 1, readOnly: true },
            { languageId: 2, readOnly: false },
        ],
        segments: [{ segmentUid: UUID(8), readOnly: true }],
        businessUnits: [{ businessUnitUid: UUID(9), readOnly: false }],
        dateCreated: '2022-06-23T11:53:02Z',
        dateModified: '2022-06-24T00:00:00.5Z',
        createdBy: 'someone',
        modifiedBy: 'someone else',
    },
    { type: 'group', organizationId: 1, id: 2, uuid: UUID(10), name: 'Gates', dateCreated: '2022-06-23T11:53:02Z' },
    {
        type: 'membership',
        organizationId: 1,
        groupId: 1,
        userId: 1,
        uuid: UUID(11),
        manager: true,
        startsAt: '2026-01-01T00:00:00Z',
        endsAt: '2099-01-01T00:00:00Z',
        dateCreated: '2026-03-10T09:32:07Z',
    },
    { type: 'membership', organizationId: 1, groupId: 2, userId: 1, uuid: UUID(12), dateCreated: '2026-03-10T09:32:07Z' },
    nesting(1, 1, 2),
    {
        type: 'credential',
        organizationId: 1,
        uuid: UUID(13),
        name: 'key',
        kind: 'api-key',
        keyId: 'k',
        secretHash: HASH,
        rights: ['read', 'write'],
        permits: ['list', 'update'],
        expiresAt: '2099-01-01T00:00:00Z',
    },
    {
        type: 'credential',
        organizationId: 1,
        uuid: UUID(14),
        userId: 1,
        kind: 'bearer',
        secretHash: HASH.replaceAll('a', 'c'),
        rights: ['read'],
    },
];

/* A Roster with these objects. */
export async function imported(objects) {
    const roster = new Roster();
    await roster.import(objects);
    return roster;
}

/* `roster import` of objects or text that may fail. */
export function tryImport(roster, objects, ...flags) {
    const file = roster.file('try.ndjson', typeof objects === 'string' || Buffer.isBuffer(objects) ? objects : toLines(objects));
    return roster.run(['import', '--store', roster.store, ...flags, file]);
}
