// Somebody else keeps a lock: writes end with 503 when they have waited long enough, reads go on, and the log says of whom.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GROUPS } from './support/bold.mjs';
import { holdFile, holdOrganization } from './support/hold.mjs';
import { smallWorld, TOKEN } from './support/objects.mjs';
import { ENGINE, Roster } from './support/roster.mjs';

const WHY = { sqlite: 'another process holds the database', postgres: 'another session holds what this change needs' }[ENGINE];

/* For PostgreSQL it is how long any answer may take, and the machine may be busy. */
const LIMIT_MS = { sqlite: '200', postgres: '2000' }[ENGINE];

/* On SQLite one lock is everybody's. */
const hold = (roster, id) =>
    ENGINE === 'sqlite' ? holdFile(roster.store.slice('sqlite:'.length)) : holdOrganization(roster.store, id);

describe('an organization that somebody else keeps locked', () => {
    let roster, client, release;
    before(async () => {
        roster = new Roster();
        await roster.import(smallWorld());
        await roster.serve(['--busy-limit-ms', LIMIT_MS]);
        client = roster.as(TOKEN.service);
        release = await hold(roster, 1);
    });
    after(() => roster.stop());
    const told = () => roster.log.split('\n').filter((line) => /organization 1 can(not)? be written to/.test(line));

    it('is read from and not written to, and the log says so once', async () => {
        for (let i = 0; i < 3; i++) assert.equal((await client.post(GROUPS, { name: `Held ${i}` })).status, 503);
        assert.equal((await client.get(GROUPS)).status, 200);
        const other = await roster.as(TOKEN.umbrella).post(GROUPS, { name: 'Theirs' });
        assert.equal(other.status, ENGINE === 'sqlite' ? 503 : 200);
        assert.deepEqual(
            told().map((line) => line.slice(line.indexOf(' ') + 1)),
            [`warn  organization 1 cannot be written to: ${WHY}`],
        );
    });
    it('can be written to again, which is said once too', async () => {
        await release();
        for (let i = 0; i < 3; i++) assert.equal((await client.post(GROUPS, { name: `Free ${i}` })).status, 200);
        assert.deepEqual(
            told().map((line) => line.slice(line.indexOf(' ') + 1)),
            [`warn  organization 1 cannot be written to: ${WHY}`, 'info  organization 1 can be written to again'],
        );
    });
});
