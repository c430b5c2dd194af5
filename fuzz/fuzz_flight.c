/* What libgov reads of anybody's: flights (JSON lines), rows of history, settings. The first byte
 * of the input chooses which. What was understood is written and read again: it must be the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gov/config.h>
#include <gov/history.h>
#include <gov/recorder.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static int drop(void *context, const char *bytes, size_t size)
{
    *(size_t *)context += size + (bytes[0] != 0);
    return 0;
}

static void read_flight(const char *text, size_t size)
{
    enum { MOST = 500 };
    struct gov_flight flight;
    size_t written = 0;
    must(gov_flight_read(text, size, MOST, &flight) == GOV_OK);
    must(flight.count <= MOST);
    for (size_t i = 0; i < flight.count; i++) {
        char first[GOV_EVENT_LINE_MAX], second[GOV_EVENT_LINE_MAX], words[192];
        struct gov_event again;
        size_t length = gov_event_write_line(&flight.events[i], first, sizeof first);
        must(length < sizeof first - 1);
        must(gov_event_read_line(first, length, &again) == GOV_OK);
        gov_event_write_line(&again, second, sizeof second);
        must(!strcmp(first, second));
        gov_event_describe(&again, words, sizeof words);
    }
    must(gov_events_write_trace(flight.events, flight.count, drop, &written) == GOV_OK);
    gov_flight_done(&flight);
}

/* zlib's CRC-32: without a right checksum no input would get past it. */
static size_t sign(char *row, size_t length)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < length; i++) {
        crc ^= (unsigned char)row[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return length + (size_t)snprintf(row + length, 16, " #%08x", (unsigned)~crc);
}

static void read_row(const char *text, size_t size)
{
    char row[GOV_HISTORY_ROW_MAX + 16], again[GOV_HISTORY_ROW_MAX];
    struct gov_history *history;
    size_t length = 0;
    if (size >= GOV_HISTORY_ROW_MAX - 16 || gov_history_new(&gov_config_default, 4, &history))
        return;
    memcpy(row, text, size);
    size = sign(row, size);
    if (gov_history_row_read(history, "r", row, size) == GOV_OK) {
        must(gov_history_row_write(history, "r", again, sizeof again, &length) == GOV_OK);
        must(gov_history_row_read(history, "s", again, length) == GOV_OK);
        must(gov_history_correct(history, "s", GOV_GB).bytes >= 0);
        struct gov_batch *batch = gov_history_batch(history, "s", 4, 8);
        must(batch && gov_batch_is_valid(batch));
        must(gov_batch_next_movie(batch, 8) >= 1);
        must(gov_batch_is_valid(batch));
    }
    gov_history_free(history);
}

/* "key value": what is taken is printed and taken again to the same. */
static void read_setting(const char *text, size_t size)
{
    char line[256], value[64];
    struct gov_config config = gov_config_default, again = gov_config_default;
    if (size >= sizeof line)
        return;
    memcpy(line, text, size);
    line[size] = 0;
    char *space = strchr(line, ' ');
    if (!space)
        return;
    *space = 0;
    if (gov_config_set(&config, line, space + 1, NULL, 0) != GOV_OK)
        return;
    must(gov_config_get(&config, line, value, sizeof value) == GOV_OK);
    must(gov_config_set(&again, line, value, NULL, 0) == GOV_OK);
    must(!memcmp(&config, &again, sizeof config));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const char *, size_t) = {read_flight, read_row, read_setting};
    if (size)
        readers[data[0] % 3]((const char *)data + 1, size - 1);
    return 0;
}
