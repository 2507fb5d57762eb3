// GET /v1/user-groups: every parameter alone, in all its forms, and some together. (Random combinations: model.test.mjs.)
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertError, assertJson, GROUPS, ids, query, shownGroup, shownUser } from './support/bold.mjs';
import { bearer, DATE, group, membership, organization, secret, user } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';

const TOKEN = secret(1);

/* Names that sort otherwise than their ids, and 130 of which most are only there to fill pages. */
const NAMES = [
    'delta',
    'Alpha',
    'charlie',
    'Bravo',
    '100% *wild*',
    'alphabet',
    'ÄRGER',
    'ärmel',
    'Ελλάδα',
    'Москва',
    '日本',
    '😀 smile',
    'under_score',
    'back\\slash',
    'quo"te',
];
const FILLERS = Array.from({ length: 130 - NAMES.length }, (_, i) => `filler ${String(i).padStart(3, '0')}`);
const ALL = [...NAMES, ...FILLERS];

const WORLD = [
    organization(1, 'Acme'),
    user(1, 1),
    user(1, 2),
    user(1, 3),
    ...ALL.map((name, i) => group(1, i + 1, name)),
    membership(1, 3, 1),
    membership(1, 1, 1, { manager: true }),
    membership(1, 2, 1),
    membership(1, 2, 2),
    bearer(1, TOKEN),
    organization(2, 'Same names', { uniqueGroupNames: false }),
    group(2, 203, 'same'),
    group(2, 201, 'same'),
    group(2, 202, 'Same'),
    group(2, 204, 'other'),
    group(2, 205, 'zebra'),
    bearer(2, secret(2)),
];

const range = (from, count) => Array.from({ length: count }, (_, i) => from + i);

/* The names in the order that comparing them folded, by code point, gives. */
const fold = (text) => Buffer.from(text.normalize('NFC').toLowerCase());
const BY_NAME = range(1, ALL.length).sort((a, b) => Buffer.compare(fold(ALL[a - 1]), fold(ALL[b - 1])) || a - b);

let roster, client;
before(async () => {
    roster = await serveObjects(WORLD);
    client = roster.as(TOKEN);
});
after(() => roster.stop());

/* What the list shows, as ids. */
async function assertIds(parameters, expected) {
    const answer = await client.get(GROUPS + (typeof parameters === 'string' ? parameters : query(parameters)));
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(ids(answer), expected);
}

describe('pages', () => {
    it('the order is ascending id', () => assertIds({ size: 5 }, [1, 2, 3, 4, 5]));
    it('the size is 50 unless said', () => assertIds({}, range(1, 50)));
    it('the size is at most 100', () => assertIds({ size: 100 }, range(1, 100)));
    for (const size of ['101', '1000', '9007199254740991'])
        it(`size=${size} is cut to 100`, () => assertIds({ size }, range(1, 100)));
    it('size=1', () => assertIds({ size: 1 }, [1]));
    it('the offset counts groups, not pages', () => assertIds({ offset: 3, size: 2 }, [4, 5]));
    it('the last page is short', () => assertIds({ offset: 128, size: 10 }, [129, 130]));
    for (const offset of ['130', '131', '9007199254740991'])
        it(`offset=${offset} is beyond the end: nothing`, () => assertIds({ offset }, []));
    it('pages are the list in pieces', async () => {
        const pieces = [];
        for (let offset = 0; offset < 140; offset += 7)
            pieces.push(...ids(await client.get(`${GROUPS}?offset=${offset}&size=7`)));
        assert.deepEqual(pieces, range(1, 130));
    });
});

describe('numbers and booleans that are none', () => {
    const NO_NUMBER = [
        '',
        'abc',
        '1x',
        '1.5',
        '1e2',
        '-1',
        '0x10',
        '٣',
        '99999999999999999999',
        '9007199254740992',
        '1 2',
        'null',
        'true',
    ];
    for (const name of ['size', 'offset', 'userId', 'organizationId'])
        for (const value of NO_NUMBER)
            if (value !== '-1' || name === 'size' || name === 'offset')
                it(`${name}=${value} is refused`, async () =>
                    assertError(await client.get(GROUPS + query({ [name]: value })), 'InvalidInput'));
    it('size=0 is refused', async () => assertError(await client.get(`${GROUPS}?size=0`), 'InvalidInput'));

    for (const value of ['', 'yes', '1', '0', 'truee', 'nul', 'null'])
        it(`includeUsers=${value} is refused`, async () =>
            assertError(await client.get(GROUPS + query({ includeUsers: value })), 'InvalidInput'));
    for (const value of ['', 'id', 'Name', 'NAME', 'name,id', 'dateCreated'])
        it(`sortBy=${value} is refused`, async () =>
            assertError(await client.get(GROUPS + query({ sortBy: value })), 'InvalidInput'));
    for (const value of ['', 'up', 'descending', 'ascdesc', '1'])
        it(`sortDirection=${value} is refused`, async () =>
            assertError(await client.get(GROUPS + query({ sortBy: 'name', sortDirection: value })), 'InvalidInput'));
});

describe('includeUsers', () => {
    const users = [shownUser({ id: 1, dateCreated: DATE }), shownUser({ id: 2, dateCreated: DATE })];
    const shown = (id, members) => shownGroup({ id, organizationId: 1, name: ALL[id - 1], dateCreated: DATE }, members);
    const without = range(1, 3).map((id) => shown(id, []));
    const withUsers = [shown(1, [{ ...users[0], groupAdmin: true }]), shown(2, users), shown(3, [users[0]])];

    it('users is [] unless asked for', async () => assertJson(await client.get(`${GROUPS}?size=3`), without));
    for (const value of ['false', 'False', 'FALSE'])
        it(value, async () => assertJson(await client.get(`${GROUPS}?size=3&includeUsers=${value}`), without));
    for (const value of ['true', 'True', 'TRUE', 'tRuE'])
        it(value, async () => assertJson(await client.get(`${GROUPS}?size=3&includeUsers=${value}`), withUsers));
});

describe('search', () => {
    const found = (text) =>
        range(1, ALL.length)
            .filter((id) => ALL[id - 1].toLowerCase().includes(text.toLowerCase()))
            .slice(0, 50);
    const CASES = {
        'the whole name': ['delta', [1]],
        'another letter case': ['DELTA', [1]],
        'the beginning': ['alpha', [2, 6]],
        'the middle': ['rav', [4]],
        'the end': ['lie', [3]],
        'letters beyond ASCII in another case': ['ärger', [7]],
        'a part beyond ASCII': ['ÄR', [7, 8]],
        'Greek letters': ['ΕΛΛΆ', [9]],
        'Cyrillic letters': ['мОСК', [10]],
        'ideographs': ['本', [11]],
        'an emoji': ['😀', [12]],
        'one letter': ['q', [15]],
        'a decomposed letter finds the composed one': ['a\u0308rm', [8]],
        '* is a letter like others': ['*', [5]],
        'and does not stand for others': ['a*a', []],
        '% is a letter like others': ['%', [5]],
        '_ is a letter like others': ['_', [13]],
        'a backslash': ['\\', [14]],
        'a quote': ['"', [15]],
        'nothing has it': ['no such name', []],
        'longer than any name': ['x'.repeat(300), []],
        'a blank': [' ', found(' ')],
        'many have it': ['filler', range(NAMES.length + 1, 50)],
        'a number': ['filler 11', range(NAMES.length + 111, 5)],
    };
    for (const [what, [search, expected]] of Object.entries(CASES)) it(what, () => assertIds({ search }, expected));
    it('empty is no filter', () => assertIds('?search=&size=3', [1, 2, 3]));
    it('+ is a blank', () => assertIds('?search=100%25+*', [5]));
    it('is paged', () => assertIds({ search: 'FILLER', offset: 2, size: 2 }, [NAMES.length + 3, NAMES.length + 4]));
    it('is sorted', () => assertIds({ search: 'al', sortBy: 'name', sortDirection: 'desc' }, [6, 2]));
});

describe('sorting', () => {
    it('by name, ascending unless said', () => assertIds({ sortBy: 'name', size: 100 }, BY_NAME.slice(0, 100)));
    for (const direction of ['asc', 'Asc', 'ASC'])
        it(direction, () => assertIds({ sortBy: 'name', sortDirection: direction, size: 100 }, BY_NAME.slice(0, 100)));
    for (const direction of ['desc', 'Desc', 'DESC'])
        it(direction, () =>
            assertIds({ sortBy: 'name', sortDirection: direction, size: 100 }, [...BY_NAME].reverse().slice(0, 100)),
        );
    it('is paged', () => assertIds({ sortBy: 'name', offset: 125, size: 10 }, BY_NAME.slice(125)));
    it('equal names stay in ascending order of their ids, in both directions', async () => {
        const other = roster.as(secret(2));
        assert.deepEqual(ids(await other.get(`${GROUPS}?sortBy=name`)), [204, 201, 202, 203, 205]);
        assert.deepEqual(ids(await other.get(`${GROUPS}?sortBy=name&sortDirection=desc`)), [205, 201, 202, 203, 204]);
        assert.deepEqual(ids(await other.get(`${GROUPS}?sortBy=name&sortDirection=desc&offset=1&size=2`)), [201, 202]);
        assert.deepEqual(ids(await other.get(`${GROUPS}?sortBy=name&sortDirection=desc&search=s&offset=2&size=1`)), [203]);
    });
});

describe('userId', () => {
    it('only groups that user is in, ascending', () => assertIds({ userId: 1 }, [1, 2, 3]));
    it('of one group', () => assertIds({ userId: 2 }, [2]));
    it('a user in no group', () => assertIds({ userId: 3 }, []));
    it('an unknown user', () => assertIds({ userId: 4711 }, []));
    it('with search', () => assertIds({ userId: 1, search: 'alpha' }, [2]));
    it('sorted and paged', () => assertIds({ userId: 1, sortBy: 'name', offset: 1, size: 2 }, [3, 1]));
    it('users stay [] also then', async () =>
        assertJson(await client.get(`${GROUPS}?userId=2`), [
            shownGroup({ id: 2, organizationId: 1, name: 'Alpha', dateCreated: DATE }),
        ]));
});

describe('organizationId', () => {
    it('the own one', () => assertIds({ organizationId: 1, size: 2 }, [1, 2]));
    it('another one: nothing', () => assertIds({ organizationId: 2 }, []));
    it('one that does not exist: nothing', () => assertIds({ organizationId: 4711 }, []));
});

describe('the query string', () => {
    it('unknown parameters are ignored', () => assertIds('?size=2&page=7&sort=x&_=1', [1, 2]));
    it('names of parameters know letter case', () => assertIds('?Size=2&offset=128', [129, 130]));
    it('the first of a repeated parameter wins', () => assertIds('?size=2&size=abc&offset=1&offset=5', [2, 3]));
    it('an empty query string', () => assertIds('?', range(1, 50)));
    it('empty pieces', () => assertIds('?&&size=2&', [1, 2]));
    it('names may be escaped', () => assertIds('?s%69ze=2', [1, 2]));
    it('a parameter without = is empty', () => assertIds('?search&size=2', [1, 2]));
    for (const [what, text] of [
        ['a broken escape', 'search=%zz'],
        ['half an escape', 'search=%4'],
        ['bad UTF-8', 'search=%ff%fe'],
        ['a NUL', 'search=a%00b'],
        ['a surrogate', 'search=%ed%a0%80'],
        ['an over-long form', 'search=%c0%af'],
    ])
        it(`${what} is refused`, async () => assertError(await client.get(`${GROUPS}?${text}`), 'InvalidInput'));
});
