/* OpenPGP messages that would keep the server busy, or end it. */
#include "openpgp_hostile.h"

#include <time.h>

static void a_decompressed_text_is_bounded(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    size_t size = 4 << 20;
    char *zeros = arena_zalloc(&op.arena, size);
    accept_packets(&op, compressed(&op.arena, literal(&op.arena, TOKEN, strlen(TOKEN))), TOKEN);
    refuse_packets(&op, compressed(&op.arena, literal(&op.arena, zeros, size)));
    refuse_packets(&op, compressed(&op.arena, compressed(&op.arena, literal(&op.arena, zeros, size))));
    refuse_packets(&op, compressed(&op.arena, literal(&op.arena, zeros, OPENPGP_TEXT_LIMIT + 1)));
}

/* Packets that come to nothing, before a text: the library reads all of them. */
static void what_is_decompressed_and_dropped_is_bounded_too(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    size_t count = 1 << 20;
    struct bytes markers = { arena_alloc(&op.arena, 5 * count), 5 * count };
    for (size_t i = 0; i < count; i++) memcpy(markers.at + 5 * i, "\xca\3PGP", 5);
    struct bytes text = literal(&op.arena, TOKEN, strlen(TOKEN));
    struct bytes few = bytes_join(&op.arena, (struct bytes){ markers.at, 500 }, text);
    accept_packets(&op, compressed(&op.arena, few), TOKEN);
    struct bytes bomb = compressed(&op.arena, bytes_join(&op.arena, markers, text));
    assert_true(bomb.size < 12000);
    refuse_packets(&op, bomb);
    refuse_packets(&op, compressed(&op.arena, bomb));
}

static void compression_in_compression_is_bounded(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    struct bytes nested = literal(&op.arena, TOKEN, strlen(TOKEN));
    for (int level = 0; level < 4; level++) nested = compressed(&op.arena, nested);
    accept_packets(&op, nested, TOKEN);
    for (int level = 4; level < 40; level++) nested = compressed(&op.arena, nested);
    refuse_packets(&op, nested);
}

static void bzip2_is_not_read(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    struct letter letter = { .to = to, .compression = "BZip2" };
    refuse(&op, write_letter(&op.arena, letter, TOKEN, strlen(TOKEN)), "cannot be decrypted");
}

static void a_message_in_a_message_is_not_decrypted(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    struct bytes inner = token_message(&op);
    refuse_packets(&op, inner);
    refuse_packets(&op, compressed(&op.arena, inner));
}

/* Processor time of this program, in nanoseconds: how busy the machine is does not matter to it. */
static int64_t work_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void session_keys_in_a_message_cost_nothing(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    struct bytes inner = token_message(&op);
    struct bytes key = { inner.at, behind_session_key(inner) };
    key.at[20] ^= 1; /* not good, so that the library tries the next */
    struct bytes many = { NULL, 0 };
    for (int i = 0; i < 100; i++) many = bytes_join(&op.arena, many, key);
    char *one_message = wrapped(&op, inner), *many_message = wrapped(&op, bytes_join(&op.arena, many, inner));
    int64_t one = 0, hundred = 0;
    for (int i = 0; i < 10; i++) {
        int64_t start = work_ns();
        refuse(&op, one_message, "cannot be decrypted");
        int64_t between = work_ns();
        refuse(&op, many_message, "cannot be decrypted");
        one += between - start;
        hundred += work_ns() - between;
    }
    assert_true(hundred < 20 * one);
}

/* The octets of a signature that contains a signature that contains ... as deep as fits. */
static struct bytes nested_signatures(struct arena *arena, size_t size_max)
{
    struct bytes nested = { NULL, 0 };
    for (;;) {
        size_t sub_size = nested.size ? nested.size + 1 : 0;
        uint8_t header[8] = { 0xff, 0, 0, (uint8_t)(sub_size >> 8), (uint8_t)sub_size, 32 }; /* 32: embedded signature */
        size_t header_size = nested.size ? 6 : 0, hashed_size = header_size + nested.size;
        if (hashed_size + 6 + 10 > size_max) return nested;
        uint8_t start[6] = { 4, 0x19, 22, 8, (uint8_t)(hashed_size >> 8), (uint8_t)hashed_size };
        uint8_t end[10] = { 0, 0, 1, 2, 0, 1, 1, 0, 1, 1 };
        struct bytes outer = { arena_alloc(arena, hashed_size + 16), hashed_size + 16 };
        memcpy(outer.at, start, 6);
        memcpy(outer.at + 6, header, header_size);
        if (nested.size) memcpy(outer.at + 6 + header_size, nested.at, nested.size);
        memcpy(outer.at + 6 + hashed_size, end, 10);
        nested = outer;
    }
}

static void signatures_in_signatures_do_not_overrun_the_stack(void **state)
{
    (void)state;
    AUTO_OP op = op_at(NOW);
    struct bytes text = literal(&op.arena, TOKEN, strlen(TOKEN));
    struct bytes most = nested_signatures(&op.arena, 11600); /* as much as an armored message may be */
    struct bytes message = bytes_join(&op.arena, packet(&op.arena, 2, most.at, most.size), text);
    accept_packets(&op, message, TOKEN);
    /* compressed more would fit, but is not decompressed */
    most = nested_signatures(&op.arena, 20000);
    message = bytes_join(&op.arena, packet(&op.arena, 2, most.at, most.size), text);
    refuse_packets(&op, compressed(&op.arena, message));

    struct bytes key = dearmored(&op.arena, key_text(&op.arena, "user-ed25519.public"));
    struct openpgp_key facts;
    most = nested_signatures(&op.arena, 4096);
    key = bytes_join(&op.arena, key, packet(&op.arena, 2, most.at, most.size));
    char *armored_key = armored(&op.arena, key, "public key");
    assert_ok(&op, openpgp_read_key(&op, armored_key, strlen(armored_key), &facts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decompressed_text_is_bounded),
        cmocka_unit_test(what_is_decompressed_and_dropped_is_bounded_too),
        cmocka_unit_test(compression_in_compression_is_bounded),
        cmocka_unit_test(bzip2_is_not_read),
        cmocka_unit_test(a_message_in_a_message_is_not_decrypted),
        cmocka_unit_test(session_keys_in_a_message_cost_nothing),
        cmocka_unit_test(signatures_in_signatures_do_not_overrun_the_stack),
    };
    return cmocka_run_group_tests(tests, open_one, close_one);
}
