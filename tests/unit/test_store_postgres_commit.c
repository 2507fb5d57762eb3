/* Several nodes commit into one database: fences, numbers, and transactions that many share. */
#include "postgres_fixture.h"

#include "dice.h"

static void the_fence_holds_between_nodes(void **state)
{
    struct fixture *f = *state;
    struct store *other = open_node(f, f->url, 0);
    int64_t ours = 0, theirs = 0;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(commit_user(f->store, f->organization_id, &ours, "ours"), ERR_OK);
        assert_int_equal(commit_user(other, f->organization_id, &theirs, "theirs"), ERR_STALE);
        assert_int_equal(version_of(f, other, f->organization_id), 2 * i + 1); /* seen at once where it is asked for */
        theirs = ours;
        assert_int_equal(commit_user(other, f->organization_id, &theirs, "theirs"), ERR_OK);
        assert_int_equal(commit_user(f->store, f->organization_id, &ours, "ours"), ERR_STALE);
        ours = theirs;
    }
    assert_int_equal(count_users(f, f->organization_id, "ours"), 5);
    assert_int_equal(count_users(f, f->organization_id, "theirs"), 5);
    assert_sound(f, other);
    store_close(other);
}

/* ---- one of many fails */

static void a_commit_that_fails_in_a_shared_transaction_fails_alone(void **state)
{
    struct fixture *f = *state;
    struct user *taken = add_user(f, "taken");
    struct {
        struct attempt attempt;
        enum err expected;
        const char *field;
    } rows[] = {
        { .expected = ERR_OK, .field = "" },
        { .expected = ERR_EXISTS, .field = "uuid" },
        { .expected = ERR_OK, .field = "" },
        { .expected = ERR_STALE, .field = "" },
        { .expected = ERR_NOT_FOUND, .field = "organization" },
        { .expected = ERR_INVALID, .field = "id" },
        { .expected = ERR_EXISTS, .field = "id" },
        { .expected = ERR_OK, .field = "" },
        { .expected = ERR_INVALID, .field = "" }, /* a reference to nothing */
        { .expected = ERR_INVALID, .field = "" }, /* a text that is none */
        { .expected = ERR_OK, .field = "" },
    };
    struct attempt *attempts[COUNT_OF(rows)];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool same = rows[i].field[0] == 'u';
        attempts[i] = &rows[i].attempt;
        attempt_init(attempts[i], same ? f->organization_id : add_organization(f, "one of many"), same ? f->versions[1] : 0,
                     "one");
    }
    attempts[1]->user.uuid = taken->uuid;
    attempts[3]->commit.expected_version = 5;
    attempts[4]->commit.organization_id = 999999999;
    attempts[5]->user.id = INT64_MAX;
    attempts[6]->user.id = taken->id;
    attempts[8]->user.account_id = 999999999;
    attempts[9]->user.display_name = "\xc3\x28";

    struct store_stats before, after;
    struct gathering gathering;
    store_stats(f->store, &before);
    gathering_begin(f, f->store, &gathering);
    for (size_t i = 0; i < COUNT_OF(rows); i++) attempt_start(f->store, attempts[i]);
    gathering_end(&gathering);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        await(atomic_load(&attempts[i]->done));
        if (attempts[i]->result != rows[i].expected)
            fail_msg("commit %zu: %s: %s", i, err_name(attempts[i]->result), attempts[i]->op.failure.text);
        assert_string_equal(attempts[i]->op.failure.field, rows[i].field);
        assert_int_equal(attempts[i]->user.id != 0, i == 5 || i == 6 || !rows[i].expected);
        if (!rows[i].expected) assert_int_equal(version_of(f, f->store, attempts[i]->commit.organization_id), 1);
        attempt_end(attempts[i]);
    }
    store_stats(f->store, &after);
    /* They did share one, which was enough for those with another version or none; beside it there are those of the gathering:
     * two organizations that were made, two that wait. */
    assert_true(after.transactions - before.transactions < (int64_t)COUNT_OF(rows) + 4);
    assert_int_equal(count_users(f, f->organization_id, "one"), 0);
    assert_sound(f, f->store);
}

/* ---- numbers */

static int64_t add_numbered(struct fixture *f, struct store *store, int64_t id)
{
    int64_t version = version_of(f, store, f->organization_id);
    struct user *user = make_user(f, "numbered");
    struct change_list list = { 0 };
    user->id = id;
    append(f, &list, USER_CREATED, NULL, user);
    assert_done(f, store_commit(
                       &f->op, store,
                       &(struct commit){ .organization_id = f->organization_id, .expected_version = version, .changes = &list }));
    return user->id;
}

static void a_number_that_one_node_was_given_is_given_by_no_other(void **state)
{
    struct fixture *f = *state;
    struct store *other = open_node(f, f->url, 0);
    int64_t first = add_numbered(f, other, 0);
    add_numbered(f, f->store, first + 1000);
    assert_true(add_numbered(f, other, 0) > first + 1000);
    add_numbered(f, f->store, first + 500); /* below what was given: fine, and nothing goes back */
    int64_t last = add_numbered(f, f->store, 0);
    assert_true(last > first + 1000);
    add_numbered(f, other, last + 1);
    assert_true(add_numbered(f, f->store, 0) > last + 1);
    store_close(other);
}

static void a_number_is_not_given_again_after_a_commit_that_failed(void **state)
{
    struct fixture *f = *state;
    struct store *other = open_node(f, f->url, 0);
    struct user *taken = add_user(f, "taken"), *imported = make_user(f, "imported");
    int64_t number = taken->id + 100;
    struct change_list list = { 0 };
    struct commit commit;
    imported->id = number;
    imported->uuid = taken->uuid;
    append(f, &list, USER_CREATED, NULL, imported);
    assert_failed(f, commit_list(f, f->organization_id, f->versions[1], &list, &commit), ERR_EXISTS, "uuid");
    imported->uuid = uuid_random(); /* the same number, once more, and now it is kept */
    assert_done(f, commit_list(f, f->organization_id, f->versions[1], &list, &commit));
    assert_true(add_numbered(f, other, 0) > number);
    assert_true(add_numbered(f, f->store, 0) > number);
    store_close(other);
}

/* ---- many threads on two nodes */

enum { THREADS = 8, ORGANIZATIONS = 12, ROUNDS = 12, BATCH = 6, SECRETS = 60 };

struct crowd {
    struct fixture *f;
    struct store *stores[2];
    int64_t organizations[ORGANIZATIONS];
    atomic_int users[ORGANIZATIONS]; /* acknowledged, each in a commit of its own */
    atomic_int secrets[SECRETS];
    atomic_int stale, unexpected;
};

struct member {
    struct crowd *crowd;
    int number;
    int64_t ids[ROUNDS * BATCH]; /* given or brought, of what was acknowledged */
    int count;
};

/* Every second commit also has a credential, whose secret it may share with any other: secrets are unique in the installation, so
 * transactions with several of them wait for each other crosswise. Every fifth brings its number. */
static void prepare(struct attempt *attempt, struct member *member, struct dice *dice, int64_t organization_id, int serial)
{
    AUTO_OP op = op_begin();
    int64_t version = 0;
    if (store_version(&op, member->crowd->stores[member->number % 2], organization_id, &version)) member->crowd->unexpected++;
    attempt_init(attempt, organization_id, version, "crowd");
    if (serial % 5 == 4) attempt->user.id = 100000 + INT64_C(1000) * member->number + serial;
    if (serial % 2) return;
    uint32_t secret = roll(dice, SECRETS);
    attempt->credential = (struct credential){ .organization_id = organization_id,
                                               .uuid = uuid_random(),
                                               .name = "key",
                                               .kind = CREDENTIAL_API_KEY,
                                               .key_id = arena_printf(&attempt->op.arena, "%u", secret),
                                               .secret_hash = digest_of(&secret, sizeof secret),
                                               .rights = RIGHT_READ };
    change_add(&attempt->op.arena, &attempt->changes, CREDENTIAL_CREATED, (union object){ 0 },
               (union object){ .credential = &attempt->credential });
}

static void note_attempt(struct member *member, const struct attempt *attempt, int organization)
{
    struct crowd *crowd = member->crowd;
    if (attempt->result == ERR_STALE) {
        crowd->stale++;
    } else if (attempt->result == ERR_EXISTS) {
        bool brought = attempt->user.id; /* a number that may have been given meanwhile */
        if (strcmp(attempt->op.failure.field, "secret") != 0 && !brought) crowd->unexpected++;
    } else if (attempt->result) {
        print_error("%s: %s\n", err_name(attempt->result), attempt->op.failure.text);
        crowd->unexpected++;
    } else {
        crowd->users[organization]++;
        member->ids[member->count++] = attempt->user.id;
        if (attempt->credential.name) crowd->secrets[atoi(attempt->credential.key_id)]++;
    }
}

static void *commit_batches(void *context)
{
    struct member *member = context;
    struct crowd *crowd = member->crowd;
    struct dice dice = DICE((uint64_t)member->number);
    for (int round = 0; round < ROUNDS; round++) {
        struct attempt attempts[BATCH];
        int organizations[BATCH];
        uint32_t start = roll(&dice, ORGANIZATIONS), stride = 1 + 2 * roll(&dice, 2) * (1 + roll(&dice, 2)); /* 1, 3 or 5 */
        for (int i = 0; i < BATCH; i++) {
            organizations[i] = (int)((start + stride * (uint32_t)i) % ORGANIZATIONS);
            prepare(&attempts[i], member, &dice, crowd->organizations[organizations[i]], round * BATCH + i);
        }
        for (int i = 0; i < BATCH; i++) attempt_start(crowd->stores[member->number % 2], &attempts[i]);
        for (int i = 0; i < BATCH; i++) {
            while (!atomic_load(&attempts[i].done)) usleep(200);
            note_attempt(member, &attempts[i], organizations[i]);
            attempt_end(&attempts[i]);
        }
    }
    return NULL;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void a_crowd_on_two_nodes_loses_and_doubles_nothing(void **state)
{
    struct fixture *f = *state;
    struct crowd crowd = { .f = f, .stores = { f->store, open_node(f, f->url, 0) } };
    struct member *members = calloc(THREADS, sizeof *members);
    pthread_t threads[THREADS];
    for (int i = 0; i < ORGANIZATIONS; i++) crowd.organizations[i] = add_organization(f, "crowded");
    for (int i = 0; i < THREADS; i++) {
        members[i] = (struct member){ .crowd = &crowd, .number = i };
        assert_int_equal(pthread_create(&threads[i], NULL, commit_batches, &members[i]), 0);
    }
    int64_t ids[THREADS * ROUNDS * BATCH], count = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        memcpy(ids + count, members[i].ids, (size_t)members[i].count * sizeof *ids);
        count += members[i].count;
    }
    free(members);
    assert_int_equal(crowd.unexpected, 0);
    assert_true(crowd.stale > 0 && count > 0);

    for (int i = 0; i < ORGANIZATIONS; i++) { /* each that was acknowledged is there, and has made a version */
        assert_int_equal(version_of(f, f->store, crowd.organizations[i]), crowd.users[i]);
        assert_int_equal(count_users(f, crowd.organizations[i], "crowd"), crowd.users[i]);
    }
    qsort(ids, (size_t)count, sizeof *ids, by_number);
    for (int64_t i = 1; i < count; i++) assert_true(ids[i - 1] < ids[i]);
    for (int i = 0; i < SECRETS; i++) assert_true(crowd.secrets[i] <= 1);
    assert_sound(f, crowd.stores[1]);
    store_close(crowd.stores[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        postgres_test(the_fence_holds_between_nodes),
        postgres_test(a_commit_that_fails_in_a_shared_transaction_fails_alone),
        postgres_test(a_number_that_one_node_was_given_is_given_by_no_other),
        postgres_test(a_number_is_not_given_again_after_a_commit_that_failed),
        postgres_test(a_crowd_on_two_nodes_loses_and_doubles_nothing),
    };
    return run_postgres_tests(tests);
}
