/* What goes through PostgreSQL comes back as it was: every text, and streams of rows that are longer than what is fetched at
 * once. */
#include "postgres_fixture.h"

/* Rows that db_stream fetches at a time (PIECE in db.c). */
enum { PIECE = 4096 };

/* ---- texts */

static char *repeat(struct fixture *f, const char *text, size_t times)
{
    size_t size = strlen(text);
    char *out = arena_alloc(&f->op.arena, size * times + 1);
    for (size_t i = 0; i < times; i++) memcpy(out + i * size, text, size);
    out[size * times] = 0;
    return out;
}

static size_t encode(uint32_t c, char *out)
{
    if (c < 0x80) return out[0] = (char)c, 1;
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char heads[] = { 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = more; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(heads[more] | c);
    return more + 1;
}

/* Every code point but NUL and the surrogates, a 64th of them in each text. */
static const char *all_characters(struct fixture *f, uint32_t part)
{
    char *out = arena_alloc(&f->op.arena, 0x110000 / 64 * 4 + 5);
    size_t size = 0;
    for (uint32_t c = part; c < 0x110000; c += 64)
        if (c && (c < 0xd800 || c > 0xdfff)) size += encode(c, out + size);
    out[size] = 0;
    return out;
}

static void assert_kept(struct fixture *f, const char *text)
{
    struct user *user = make_user(f, text);
    user->description = user->remarks = text;
    assert_done(f, change(f, USER_CREATED, NULL, user));
    union object found = stored(f, NOUN_USER, f->organization_id, user->id, 0);
    assert_same(NOUN_USER, found, (union object){ .user = user });
    assert_string_equal(found.user->description, text);
    assert_string_equal(found.user->user_name, text);
    assert_null(found.user->display_name);
}

static void texts_come_back_as_they_were(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = { "",
                                         " ",
                                         "\\",
                                         "\\\\x41",
                                         "\\N",
                                         "\\.",
                                         "'",
                                         "''; DROP TABLE app_user; --",
                                         "$1",
                                         "%s%n",
                                         "\"",
                                         "{\"a\":[1]}",
                                         "\t\r\n\v\f\b\x01\x7f",
                                         "e\xcc\x81",
                                         "\xc3\xa9",
                                         "\xf0\x9f\x92\xa9",
                                         "\xf4\x8f\xbf\xbf",
                                         "\xef\xbf\xbf",
                                         "\xef\xbb\xbf",
                                         "NULL" };
    for (size_t i = 0; i < COUNT_OF(texts); i++) assert_kept(f, texts[i]);
    for (uint32_t part = 0; part < 64; part += 7) assert_kept(f, all_characters(f, part));
}

static void an_empty_text_is_not_none(void **state)
{
    struct fixture *f = *state;
    struct user *user = make_user(f, NULL);
    user->display_name = "";
    assert_done(f, change(f, USER_CREATED, NULL, user));
    union object found = stored(f, NOUN_USER, f->organization_id, user->id, 0);
    assert_null(found.user->user_name);
    assert_string_equal(found.user->display_name, "");
    const struct loaded *loaded = load(f, f->organization_id);
    assert_string_equal(loaded->objects[NOUN_USER][0].user->display_name, "");
    assert_null(loaded->objects[NOUN_USER][0].user->user_name);
}

static void long_texts_come_back_whole(void **state)
{
    struct fixture *f = *state;
    static const char *const pieces[] = { "0123456789abcdef", "\\'\"\n\t\\N\r$1;", "\xf0\x9f\x92\xa9" };
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        struct user *user = make_user(f, "long");
        user->description = repeat(f, pieces[i], (1 << 20) / strlen(pieces[i]));
        assert_done(f, change(f, USER_CREATED, NULL, user));
        assert_same(NOUN_USER, stored(f, NOUN_USER, f->organization_id, user->id, 0), (union object){ .user = user });
    }
    const struct loaded *loaded = load(f, f->organization_id); /* a piece of a stream with three of them */
    for (size_t i = 0; i < COUNT_OF(pieces); i++)
        assert_true(strlen(loaded->objects[NOUN_USER][i].user->description) > (1 << 20) - 16);
}

/* ---- streams */

/* Users with the numbers from `first` on; every `step`-th has a key, which is read by a stream beside the users'. */
static void insert_users(struct fixture *f, int64_t first, int64_t count, int64_t step)
{
    run_beside(f->url,
               arena_printf(&f->op.arena,
                            "INSERT INTO app_user (organization_id, id, uuid, user_name, email_address_verify,"
                            " email_address_verified, phone_number_verify, phone_number_verified, super_user, active,"
                            " auto_remove_after, key_fingerprint)"
                            " SELECT %lld, i, decode(md5(i::text), 'hex'), 'u' || i, 0, 0, 0, 0, 0, 1, 0,"
                            " CASE WHEN i %% %lld = 0 THEN lpad(i::text, 40, '0') END"
                            " FROM generate_series(%lld::bigint, %lld) i",
                            (long long)f->organization_id, (long long)step, (long long)first, (long long)(first + count - 1)));
}

struct expected {
    int64_t next, step, count, stop_at; /* stop_at: after so many; 0: never */
};

static enum err check_user(void *context, struct op *op, const struct user *user)
{
    struct expected *expected = context;
    char text[48];
    assert_int_equal(user->id, expected->next);
    snprintf(text, sizeof text, "u%lld", (long long)user->id);
    assert_string_equal(user->user_name, text);
    if (user->id % expected->step) {
        assert_null(user->key_fingerprint);
    } else {
        snprintf(text, sizeof text, "%040lld", (long long)user->id);
        assert_string_equal(user->key_fingerprint, text);
    }
    expected->next++;
    return ++expected->count == expected->stop_at ? op_fail(op, ERR_RATE, "", "enough") : ERR_OK;
}

static void interleaved_streams_of_any_length_bring_every_row_once(void **state)
{
    static const struct {
        int64_t count, step; /* how many rows the first and the second stream have */
    } rows[] = {
        { 1, 1 }, { PIECE - 1, 1 }, { PIECE, 1 }, { PIECE + 1, 1 }, { 2 * PIECE, 2 }, { 2 * PIECE + 1, 3 }, { 3 * PIECE, PIECE },
    };
    struct fixture *f = *state;
    int64_t first = 1000000;
    for (size_t i = 0; i < COUNT_OF(rows); i++, first += 1000000) {
        assert_int_equal(set_up_organization(state), 0);
        insert_users(f, first, rows[i].count, rows[i].step);
        struct expected expected = { .next = first, .step = rows[i].step };
        struct store_counts counts;
        int64_t version;
        struct store_sink sink = { .context = &expected, .user = check_user };
        assert_done(f, store_load(&f->op, f->store, f->organization_id, &sink, &counts, &version));
        assert_int_equal(expected.count, rows[i].count);
        assert_int_equal(counts.users, rows[i].count);
    }
}

static void a_load_that_is_ended_early_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    static const int64_t stops[] = { 1, 2, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE };
    const int64_t first = 50000000;
    insert_users(f, first, 3 * PIECE, 2);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT_OF(stops); i++) {
            struct expected expected = { .next = first, .step = 2, .stop_at = stops[i] };
            struct store_sink sink = { .context = &expected, .user = check_user };
            int64_t version;
            failure_clear(&f->op.failure);
            assert_int_equal(store_load(&f->op, f->store, f->organization_id, &sink, NULL, &version), ERR_RATE);
            assert_int_equal(expected.count, stops[i]);
            assert_int_equal(version_of(f, f->store, f->organization_id), 0); /* on the same connection */
        }
    }
    struct expected expected = { .next = first, .step = 2 };
    struct store_sink sink = { .context = &expected, .user = check_user };
    int64_t version;
    assert_done(f, store_load(&f->op, f->store, f->organization_id, &sink, NULL, &version));
    assert_int_equal(expected.count, 3 * PIECE);
    assert_int_equal(run_beside(f->url, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                        " AND application_name LIKE 'roster %' AND state = 'idle in transaction'"),
                     0);
}

/* A load sees one state, whatever is committed while it reads. */
static enum err commit_meanwhile(void *context, struct op *op, const struct user *user)
{
    struct fixture *f = context;
    (void)op, (void)user;
    int64_t version = version_of(f, f->store, f->organization_id);
    assert_int_equal(commit_user(f->store, f->organization_id, &version, "meanwhile"), ERR_OK);
    f->versions[1]++;
    return ERR_OK;
}

static void a_load_sees_one_state(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) add_user(f, "before");
    struct store_sink sink = { .context = f, .user = commit_meanwhile };
    int64_t version;
    assert_done(f, store_load(&f->op, f->store, f->organization_id, &sink, NULL, &version));
    assert_int_equal(version, 3);
    assert_int_equal(f->versions[1], 6); /* three rows were read, while there were more and more */
    assert_int_equal(version_of(f, f->store, f->organization_id), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        postgres_test(texts_come_back_as_they_were),
        postgres_test(an_empty_text_is_not_none),
        postgres_test(long_texts_come_back_whole),
        postgres_test(interleaved_streams_of_any_length_bring_every_row_once),
        postgres_test(a_load_that_is_ended_early_leaves_nothing_behind),
        postgres_test(a_load_sees_one_state),
    };
    return run_postgres_tests(tests);
}
