// The example in deploy/ holds together: `roster serve` takes its settings file, and numbers in one file that must fit those in
// another do. Whether it does what its README says, deploy/check finds out by running and breaking it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { smallWorld } from './support/objects.mjs';
import { ROOT, Roster } from './support/roster.mjs';

const DEPLOY = path.join(ROOT, 'deploy');
const read = (name) => fs.readFileSync(path.join(DEPLOY, name), 'utf8');

/* The number after `name` in a file of deploy/, whatever stands between them. */
function number(file, name) {
    const found = read(file).match(new RegExp(`^ *${name}[ :=]+(\\d+)`, 'm'));
    assert.ok(found, `${file} has no ${name}`);
    return Number(found[1]);
}

describe('roster.conf', () => {
    it('is what `roster serve` takes, with certificates made by deploy/certificates', async () => {
        const roster = new Roster();
        await roster.import(smallWorld());
        execFileSync(path.join(DEPLOY, 'certificates'), [roster.directory, 'db1=127.0.0.1']);
        fs.renameSync(roster.file('db1.pem'), roster.file('machine.pem'));
        fs.renameSync(roster.file('db1-key.pem'), roster.file('machine-key.pem'));
        const config = roster.file('deploy.conf', read('roster.conf').replaceAll('/etc/roster', roster.directory));
        await roster.serve(['--config', config]);
        assert.match(roster.url, /^https:/);
        await roster.stop();
        assert.match(roster.log, /^\{"time":/m, 'log_format = json');
    });
    it('names all three machines and bounds a connection that is half open', () => {
        const [, url] = read('roster.conf').match(/^store\s*= "(.*)"$/m);
        const { hosts, query } = url.match(/^postgres:\/\/roster@(?<hosts>[^/]+)\/roster\?(?<query>.*)$/).groups;
        assert.deepEqual(hosts.split(','), ['db1:5432', 'db2:5432', 'db3:5432']);
        const options = Object.fromEntries(new URLSearchParams(query));
        assert.equal(options.target_session_attrs, 'read-write');
        assert.equal(options.sslmode, 'verify-full');
        for (const name of ['connect_timeout', 'tcp_user_timeout', 'keepalives_idle', 'keepalives_interval', 'keepalives_count'])
            assert.ok(Number(options[name]) > 0, name);
    });
});

describe('numbers that must fit each other', () => {
    it('systemd waits longer than Roster for requests under way', () =>
        assert.ok(number('roster.service', 'TimeoutStopSec') > number('roster.conf', 'shutdown_timeout_s')));
    it('the load balancer closes idle connections before Roster does', () =>
        assert.ok(number('haproxy.cfg', 'timeout http-keep-alive') < number('roster.conf', 'idle_timeout_s')));
    it('a leader that cannot reach etcd stops before it is replaced', () => {
        const [ttl, wait, retry] = ['ttl', 'loop_wait', 'retry_timeout'].map((name) => number('patroni/patroni.yml', name));
        assert.ok(ttl >= wait + 2 * retry);
    });
    it('etcd elects a leader of its own much sooner', () =>
        assert.ok(number('patroni/etcd.conf', 'ETCD_ELECTION_TIMEOUT') * 5 < number('patroni/patroni.yml', 'ttl') * 1000));
});

it('no failover may lose what was acknowledged', () => {
    const settings = read('patroni/patroni.yml');
    for (const line of ['synchronous_mode: true', 'synchronous_mode_strict: true', 'synchronous_commit: "on"', 'fsync: "on"'])
        assert.match(settings, new RegExp(`^ +${line}$`, 'm'));
    assert.doesNotMatch(settings, /^ *statement_timeout/m);
});

it('the scripts can be read by their shells', () => {
    for (const [shell, script] of [
        ['bash', 'check'],
        ['bash', 'check-machines'],
        ['sh', 'certificates'],
        ['sh', 'patroni/role_changed'],
    ])
        execFileSync(shell, ['-n', path.join(DEPLOY, script)]);
});
