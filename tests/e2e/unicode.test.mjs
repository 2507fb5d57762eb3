// Names are compared after Unicode normalization (NFC) and full case folding. Here the letters where that differs from
// lower-casing.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertError, GROUPS, ids, query } from './support/bold.mjs';
import { bearer, group, organization, secret } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';

/* What one name is called otherwise: all of a row are the same name. */
const SAME = {
    'sharp s': ['Straße', 'STRASSE', 'strasse', 'STRAẞE', 'straSse'],
    'final sigma': ['ΟΔΟΣ', 'οδος', 'οδοσ', 'Οδός'.normalize('NFD').replace('\u0301', '')],
    'capital I with dot': ['İstanbul', 'i\u0307stanbul', 'I\u0307STANBUL'],
    'ligature': ['oﬃce', 'OFFICE', 'office'],
    'Kelvin sign': ['\u212A1', 'k1', 'K1'],
    'Angstrom sign': ['\u212B2', 'Å2', 'å2', 'a\u030A2', 'A\u030A2'],
    'micro sign': ['µ3', 'μ3', 'Μ3'],
    'long s': ['ſ4', 's4', 'S4'],
    'two accents in either order': ['q\u0307\u0323', 'q\u0323\u0307', 'Q\u0323\u0307'],
    'Hangul': ['한글', '한글'.normalize('NFD')],
    'titlecase digraph': ['ǅ5', 'ǆ5', 'Ǆ5'],
    'iota subscript': ['ᾳ6', 'ᾼ6', 'αι6'],
    'Cherokee': ['Ꭰ7', 'ꭰ7'],
    'letters beyond the first plane': ['𐐀8', '𐐨8'],
};

/* Pairs that look alike and are two names. */
const DIFFERENT = {
    'dotless i': ['ılk', 'ilk'],
    'Latin and Cyrillic a': ['a9', '\u04309'],
    'with and without an accent': ['resume', 'résumé'],
    'wide letters': ['ａ10', 'a10'],
    'superscript': ['m2x', 'm²x'],
    'zero width joiner': ['ab11', 'a\u200db11'],
    'o with stroke': ['øl', 'ol'],
};

const TOKEN = secret(1);
let roster, client;
before(async () => {
    roster = await serveObjects([organization(1, 'Acme'), bearer(1, TOKEN)]);
    client = roster.as(TOKEN);
});
after(() => roster.stop());

const search = async (text) => ids(await client.get(GROUPS + query({ search: text, size: 100 })));

describe('one name in several spellings', () => {
    for (const [what, names] of Object.entries(SAME))
        it(`${what}: ${names.join(' = ')}`, async () => {
            const { json: id } = await client.post(GROUPS, { name: names[0] });
            for (const name of names) {
                assertError(await client.post(GROUPS, { name }), 'UserGroupNameTaken');
                assert.ok((await search(name)).includes(id), `${name} does not find ${names[0]}`);
            }
            for (const name of names) {
                assert.equal((await client.put(`${GROUPS}/${id}`, { name })).text, String(id));
                assert.equal((await client.get(`${GROUPS}/${id}`)).json.name, name, 'kept as sent');
                for (const other of names) assert.ok((await search(other)).includes(id), `${other} does not find ${name}`);
            }
        });
});

describe('two names that only look alike', () => {
    for (const [what, [first, second]] of Object.entries(DIFFERENT))
        it(what, async () => {
            const { json: one } = await client.post(GROUPS, { name: first }),
                { json: two } = await client.post(GROUPS, { name: second });
            assert.deepEqual([await search(first), await search(second)], [[one], [two]]);
        });
});

describe('searching for a part', () => {
    const CASES = {
        'ss in ß': ['Fußball', 'SS', true],
        'half of ß': ['Gruß', 's', true],
        'fi in a ligature': ['ﬁnance', 'fin', true],
        'an accent alone is part of no composed letter': ['Crème', '\u0300', false],
        'e is not in é': ['Lucé', 'luce', false],
        'a Hangul syllable is not its first letter': ['각12', '가12', false],
    };
    for (const [what, [name, part, expected]] of Object.entries(CASES))
        it(what, async () => {
            const { json: id } = await client.post(GROUPS, { name });
            assert.equal((await search(part)).includes(id), expected);
        });
});

describe('after a restart', () => {
    it('names are still found and still taken', async () => {
        await client.post(GROUPS, { name: 'Maße' });
        await roster.restart();
        assert.equal((await search('MASSE')).length, 1);
        assertError(await client.post(GROUPS, { name: 'masse' }), 'UserGroupNameTaken');
        await roster.check();
    });
    it('import compares them the same way', async () => {
        const { code, stderr } = await roster.run([
            'import',
            '--store',
            roster.store,
            roster.file('clash.ndjson', `${JSON.stringify(group(1, 9000, 'MASSE'))}\n`),
        ]);
        assert.equal(code, 1);
        assert.match(stderr, /clash\.ndjson:1: .*name/);
    });
});
