// Every example of Bold's documentation page for GET /v1/user-groups, answered to the byte: same ids, names and dates,
// same headers. The bodies below are the page's own (compacted); each example has its own organization, as on the page.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertBytes, GROUPS, HEADERS } from './support/bold.mjs';
import { account, bearer, group, membership, organization, user } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';

const TOKENS = [
    null,
    'f66e3188-f291-4ad4-8a1e-62d6bb07c380',
    '582b8ebd-c6d9-436f-b468-e752283ea8c2',
    '7c58cf8a-c86b-4675-ad8c-81ab644de269',
    '299a8674-f174-4346-bcf6-b5823a1df1ed',
    '12412d40-de5d-40df-86c1-117a7467c2c1',
];

const DATES = {
    1: '2026-03-10T09:32:05.598979Z',
    2: '2026-03-10T09:32:05.600065Z',
    3: '2026-03-10T09:32:05.600786Z',
    4: '2026-03-10T09:32:06.315741Z',
    5: '2026-03-10T09:32:06.316Z',
    6: '2026-03-10T09:32:06.317Z',
    7: '2026-03-10T09:32:07.03552Z',
    8: '2026-03-10T09:32:07.036108Z',
    9: '2026-03-10T09:32:07.036549Z',
    10: '2026-03-10T09:32:07.772Z',
    11: '2026-03-10T09:32:07.773334Z',
    12: '2026-03-10T09:32:07.773793Z',
    13: '2026-03-10T09:32:08.458453Z',
    14: '2026-03-10T09:32:08.459259Z',
    15: '2026-03-10T09:32:08.460016Z',
};

/* Organizations 1 to 5, each with a super user of the same number who holds the token, and the groups Group1, Group2, Group3. The user is
 * in Group2 and Group3. */
function pageWorld() {
    const objects = [];
    for (let n = 1; n <= 5; n++) {
        objects.push(organization(n, `Organization${n}`), account(n + 1));
        objects.push(user(n, n, { accountId: n + 1, superUser: true, dateCreated: '2026-03-10T09:32:07.034127Z' }));
        for (let i = 1; i <= 3; i++)
            objects.push(group(n, 3 * (n - 1) + i, `Group${i}`, { dateCreated: DATES[3 * (n - 1) + i] }));
        objects.push(membership(n, 3 * n - 1, n), membership(n, 3 * n, n));
        objects.push(bearer(n, TOKENS[n], { userId: n }));
    }
    return objects;
}

const USER_3 =
    '{"id":3,"account":{"id":4},"emailAddressVerify":false,"emailAddressVerified":false,"phoneNumberVerify":false,' +
    '"phoneNumberVerified":false,"superUser":true,"groupAdmin":false,"dateCreated":"2026-03-10T09:32:07.034127Z"}';

const EXAMPLES = [
    {
        title: 'Get all user groups without users',
        token: TOKENS[1],
        query: 'offset=0&size=4',
        body:
            '[{"id":1,"organizationId":1,"name":"Group1","description":"","dateCreated":"2026-03-10T09:32:05.598979Z","users":[]},' +
            '{"id":2,"organizationId":1,"name":"Group2","description":"","dateCreated":"2026-03-10T09:32:05.600065Z","users":[]},' +
            '{"id":3,"organizationId":1,"name":"Group3","description":"","dateCreated":"2026-03-10T09:32:05.600786Z","users":[]}]',
    },
    {
        title: 'Get all user groups by search',
        token: TOKENS[2],
        query: 'search=group1&offset=0&size=4',
        body: '[{"id":4,"organizationId":2,"name":"Group1","description":"","dateCreated":"2026-03-10T09:32:06.315741Z","users":[]}]',
    },
    {
        title: 'Get all user groups with users',
        token: TOKENS[3],
        query: 'offset=0&size=4&includeUsers=true',
        body:
            '[{"id":7,"organizationId":3,"name":"Group1","description":"","dateCreated":"2026-03-10T09:32:07.03552Z","users":[]},' +
            `{"id":8,"organizationId":3,"name":"Group2","description":"","dateCreated":"2026-03-10T09:32:07.036108Z","users":[${USER_3}]},` +
            `{"id":9,"organizationId":3,"name":"Group3","description":"","dateCreated":"2026-03-10T09:32:07.036549Z","users":[${USER_3}]}]`,
    },
    {
        title: 'Get all user groups for specific user',
        token: TOKENS[4],
        query: 'offset=0&size=3&userId=4',
        body:
            '[{"id":11,"organizationId":4,"name":"Group2","description":"","dateCreated":"2026-03-10T09:32:07.773334Z","users":[]},' +
            '{"id":12,"organizationId":4,"name":"Group3","description":"","dateCreated":"2026-03-10T09:32:07.773793Z","users":[]}]',
    },
    {
        title: 'Get all user groups sorted',
        token: TOKENS[5],
        query: 'offset=0&size=4&sortBy=name&sortDirection=desc',
        body:
            '[{"id":15,"organizationId":5,"name":"Group3","description":"","dateCreated":"2026-03-10T09:32:08.460016Z","users":[]},' +
            '{"id":14,"organizationId":5,"name":"Group2","description":"","dateCreated":"2026-03-10T09:32:08.459259Z","users":[]},' +
            '{"id":13,"organizationId":5,"name":"Group1","description":"","dateCreated":"2026-03-10T09:32:08.458453Z","users":[]}]',
    },
];

/* What HTTP itself adds to an answer; anything else would not be on the page. */
const OF_HTTP = ['date', 'content-type', 'content-length', 'connection', 'keep-alive', 'roster-version'];

describe("the examples of Bold's page", () => {
    let roster;
    before(async () => (roster = await serveObjects(pageWorld())));
    after(() => roster.stop());

    for (const { title, token, query, body } of EXAMPLES) {
        it(title, async () => {
            const answer = await roster.as(token).get(`${GROUPS}?${query}`);
            assertBytes(answer, body);
            const known = new Set([...HEADERS.map(([name]) => name.toLowerCase()), ...OF_HTTP]);
            assert.deepEqual(
                answer.headers.map(([name]) => name.toLowerCase()).filter((name) => !known.has(name)),
                [],
            );
        });

        it(`${title}, asked a second time (now from memory)`, async () => {
            const client = roster.as(token);
            await client.get(`${GROUPS}?${query}`);
            assertBytes(await client.get(`${GROUPS}?${query}`), body);
        });
    }

    it('the minimal group of the facts', async () => {
        assertBytes(
            await roster.as(TOKENS[1]).get(`${GROUPS}/1`),
            '{"id":1,"organizationId":1,"name":"Group1","description":"","dateCreated":"2026-03-10T09:32:05.598979Z","users":[]}',
        );
    });

    it('the form of one group with users: users are an array inside the object', async () => {
        assertBytes(
            await roster.as(TOKENS[3]).get(`${GROUPS}/8?includeUsers=true`),
            `{"id":8,"organizationId":3,"name":"Group2","description":"","dateCreated":"2026-03-10T09:32:07.036108Z","users":[${USER_3}]}`,
        );
    });
});

describe('every member the page documents, in its order', () => {
    const TOKEN = '0b3e1c5a-6d2f-4a7b-9c8d-1e2f3a4b5c6d';
    const FULL_GROUP = {
        remarks: 'Only on weekdays',
        description: 'All doors',
        externalId: 'G-1',
        dateCreated: '2022-06-23T13:53:02+02:00',
        dateModified: '2022-06-24T00:00:00.500+02:00',
    };
    const FULL_USER = {
        accountId: 90,
        userName: 'ada',
        displayName: 'Ada L.',
        firstName: 'Ada',
        lastName: 'Lovelace',
        emailAddress: 'ada@example.org',
        emailAddressVerify: true,
        emailAddressVerified: true,
        phoneNumber: '+31850607337',
        phoneNumberVerify: true,
        phoneNumberVerified: true,
        superUser: true,
        description: 'First "programmer"',
        remarks: 'Line one\nLine two',
        externalId: 'U-1',
        autoRemoveAfter: 'MONTH',
        autoRemoveDate: '2027-01-01T00:00:00Z',
        dateCreated: '2026-03-10T09:32:07.034127Z',
        dateModified: '2026-03-11T09:32:07.1Z',
    };
    const WORLD = [
        organization(1, 'Acme'),
        account(90, { firstName: 'Augusta Ada', lastName: 'King', emailAddress: 'king@example.org' }),
        user(1, 7, FULL_USER),
        user(1, 8, { dateCreated: '2026-03-10T09:32:07Z', autoRemoveAfter: 'WEEK' }),
        user(1, 9, { dateCreated: '2026-03-10T09:32:07Z', autoRemoveAfter: 'YEAR', firstName: 'Øyvind', lastName: '佐藤 😀' }),
        group(1, 5, 'Doors', FULL_GROUP),
        membership(1, 5, 9, { manager: true }),
        membership(1, 5, 8),
        membership(1, 5, 7, { manager: true }),
        bearer(1, TOKEN),
    ];
    let roster;
    before(async () => (roster = await serveObjects(WORLD)));
    after(() => roster.stop());

    const HEAD =
        '{"id":5,"organizationId":1,"name":"Doors","description":"All doors","remarks":"Only on weekdays",' +
        '"dateCreated":"2022-06-23T11:53:02Z","dateModified":"2022-06-23T22:00:00.5Z","externalId":{"value":"G-1"},"users":[';
    const MEMBERS = [
        '{"id":7,"account":{"id":90,"firstName":"Augusta Ada","lastName":"King"},"firstName":"Ada","lastName":"Lovelace",' +
            '"emailAddress":"ada@example.org","emailAddressVerify":true,"emailAddressVerified":true,"phoneNumber":"+31850607337",' +
            '"phoneNumberVerify":true,"phoneNumberVerified":true,"superUser":true,"groupAdmin":true,"description":"First \\"programmer\\"",' +
            '"remarks":"Line one\\nLine two","dateModified":"2026-03-11T09:32:07.1Z","dateCreated":"2026-03-10T09:32:07.034127Z",' +
            '"externalId":"U-1","autoRemoveAfter":"MONTH","autoRemoveDate":"2027-01-01T00:00:00Z"}',
        '{"id":8,"emailAddressVerify":false,"emailAddressVerified":false,"phoneNumberVerify":false,"phoneNumberVerified":false,' +
            '"superUser":false,"groupAdmin":false,"dateCreated":"2026-03-10T09:32:07Z","autoRemoveAfter":"WEEK"}',
        '{"id":9,"firstName":"Øyvind","lastName":"佐藤 😀","emailAddressVerify":false,"emailAddressVerified":false,' +
            '"phoneNumberVerify":false,"phoneNumberVerified":false,"superUser":false,"groupAdmin":true,' +
            '"dateCreated":"2026-03-10T09:32:07Z","autoRemoveAfter":"YEAR"}',
    ];

    it('a group and its users, the users ascending by id', async () => {
        assertBytes(await roster.as(TOKEN).get(`${GROUPS}/5?includeUsers=true`), `${HEAD}${MEMBERS.join(',')}]}`);
    });

    it('the same without users', async () => {
        assertBytes(await roster.as(TOKEN).get(`${GROUPS}/5`), `${HEAD}]}`);
        assertBytes(await roster.as(TOKEN).get(GROUPS), `[${HEAD}]}]`);
    });

    it('the flag groupAdmin belongs to the membership: another group shows the same user with another flag', async () => {
        await roster.import([group(1, 6, 'Gates'), membership(1, 6, 7)]);
        const shown = await roster.restart().then(() => roster.as(TOKEN).get(`${GROUPS}/6?includeUsers=true`));
        assert.equal(shown.text.split('"users":[')[1], `${MEMBERS[0].replace('"groupAdmin":true', '"groupAdmin":false')}]}`);
    });
});

describe('dates are shown in UTC with as many digits as needed', () => {
    const TOKEN = '0b3e1c5a-6d2f-4a7b-9c8d-1e2f3a4b5c6e';
    const DATES_SHOWN = [
        ['2026-03-10T09:32:07Z', '2026-03-10T09:32:07Z'],
        ['2026-03-10T09:32:07.000000Z', '2026-03-10T09:32:07Z'],
        ['2026-03-10T09:32:07.100Z', '2026-03-10T09:32:07.1Z'],
        ['2026-03-10T09:32:07.035520Z', '2026-03-10T09:32:07.03552Z'],
        ['2026-03-10T09:32:07.000001Z', '2026-03-10T09:32:07.000001Z'],
        ['2026-03-10T09:32:07.991821898Z', '2026-03-10T09:32:07.991821Z'],
        ['2022-06-23T13:53:02+02:00', '2022-06-23T11:53:02Z'],
        ['2023-12-31T23:30:00-01:00', '2024-01-01T00:30:00Z'],
        ['2024-02-29T12:00:00Z', '2024-02-29T12:00:00Z'],
        ['1969-12-31T23:59:59.5Z', '1969-12-31T23:59:59.5Z'],
    ];
    let roster;
    before(async () => {
        const groups = DATES_SHOWN.map(([sent], i) => group(1, i + 1, `Group ${i + 1}`, { dateCreated: sent }));
        roster = await serveObjects([organization(1, 'Acme'), ...groups, bearer(1, TOKEN)]);
    });
    after(() => roster.stop());

    DATES_SHOWN.forEach(([sent, shown], i) => {
        it(`${sent} is shown as ${shown}`, async () => {
            assert.equal((await roster.as(TOKEN).get(`${GROUPS}/${i + 1}`)).json.dateCreated, shown);
        });
    });
});
