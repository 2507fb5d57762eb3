/* A query string: what is taken is valid UTF-8 within the limits, and encoding it again gives the same parameters. */
#include "fuzz.h"

#include "base/fold.h"
#include "net/http.h"

static void add_encoded(struct buf *out, const char *text)
{
    for (; *text; text++) buf_printf(out, "%%%02X", (unsigned char)*text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = ARENA_INIT;
    struct failure failure = { 0 };
    char *text = fuzz_text(data, size);
    struct request request = { .query = text }, again;
    if (request_parse_query(&failure, &arena, &request)) {
        promise(failure.code == ERR_INVALID && failure.text[0]);
    } else {
        struct buf encoded = BUF_INIT(1 << 26);
        promise(request.parameter_count <= REQUEST_PARAMETER_MAX);
        for (size_t i = 0; i < request.parameter_count; i++) {
            const struct parameter *parameter = &request.parameters[i];
            promise(utf8_is_valid(parameter->name, strlen(parameter->name)) &&
                    utf8_is_valid(parameter->value, strlen(parameter->value)));
            promise(request_parameter(&request, parameter->name) != NULL);
            buf_add_char(&encoded, '&');
            add_encoded(&encoded, parameter->name);
            buf_add_char(&encoded, '=');
            add_encoded(&encoded, parameter->value);
        }
        again = (struct request){ .query = buf_cstr(&encoded) };
        promise(request_parse_query(&failure, &arena, &again) == ERR_OK);
        promise(again.parameter_count == request.parameter_count);
        for (size_t i = 0; i < again.parameter_count; i++)
            promise(strcmp(again.parameters[i].name, request.parameters[i].name) == 0 &&
                    strcmp(again.parameters[i].value, request.parameters[i].value) == 0);
        buf_free(&encoded);
    }
    free(text);
    arena_free(&arena);
    return 0;
}
