#include "synscope/render/jsonw.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S INT64_C(1000000000)

void jsonw_init(struct jsonw *j, struct out *out)
{
	j->out = out;
	j->comma = false;
}

/* Keys are ours and static: nothing in them needs an escape. */
static void member(struct jsonw *j, const char *key)
{
	if (j->comma)
		out_write(j->out, ",", 1);
	j->comma = true;
	if (key == NULL)
		return;
	out_write(j->out, "\"", 1);
	out_text(j->out, key);
	out_write(j->out, "\":", 2);
}

void jsonw_open_object(struct jsonw *j, const char *key)
{
	member(j, key);
	out_write(j->out, "{", 1);
	j->comma = false;
}

void jsonw_open_array(struct jsonw *j, const char *key)
{
	member(j, key);
	out_write(j->out, "[", 1);
	j->comma = false;
}

void jsonw_close_object(struct jsonw *j)
{
	out_write(j->out, "}", 1);
	j->comma = true;
}

void jsonw_close_array(struct jsonw *j)
{
	out_write(j->out, "]", 1);
	j->comma = true;
}

void jsonw_text(struct jsonw *j, const char *key, const char *text)
{
	member(j, key);
	out_escape_json(j->out, text, strlen(text));
}

void jsonw_text_known(struct jsonw *j, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		jsonw_text(j, key, text);
}

void jsonw_uint(struct jsonw *j, const char *key, uint64_t n)
{
	char digits[24];
	char *end = digits + sizeof digits;
	char *at = end;
	member(j, key);
	do
		*--at = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	out_write(j->out, at, (size_t)(end - at));
}

void jsonw_int(struct jsonw *j, const char *key, int64_t n)
{
	if (n >= 0) {
		jsonw_uint(j, key, (uint64_t)n);
		return;
	}
	member(j, key);
	out_printf(j->out, "%" PRId64, n);
}

void jsonw_bool(struct jsonw *j, const char *key, bool b)
{
	member(j, key);
	out_text(j->out, b ? "true" : "false");
}

void jsonw_null(struct jsonw *j, const char *key)
{
	member(j, key);
	out_text(j->out, "null");
}

void jsonw_flag(struct jsonw *j, const char *key, bool b)
{
	if (b)
		jsonw_bool(j, key, true);
}

/* The civil date of a day counted from 1970-01-01, in the proleptic Gregorian calendar:
 * years are taken to begin in March, so that the leap day is their last. */
static void civil(int64_t day, int64_t *year, int *month, int *date)
{
	const int64_t since_0000_03_01 = day + 719468;
	const int64_t era =
		(since_0000_03_01 >= 0 ? since_0000_03_01 : since_0000_03_01 - 146096) / 146097;
	const int64_t day_of_era = since_0000_03_01 - era * 146097;
	const int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	const int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	const int64_t m = (5 * day_of_year + 2) / 153; /* from March */
	*date = (int)(day_of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = year_of_era + era * 400 + (*month <= 2);
}

void jsonw_time(struct jsonw *j, const char *key, int64_t time_ns)
{
	int64_t seconds = time_ns / NS_PER_S;
	int64_t left = time_ns % NS_PER_S;
	if (left < 0) {
		left += NS_PER_S;
		seconds--;
	}
	int64_t day = seconds / 86400;
	int64_t second = seconds % 86400;
	if (second < 0) {
		second += 86400;
		day--;
	}
	int64_t year = 0;
	int month = 0;
	int date = 0;
	civil(day, &year, &month, &date);
	member(j, key);
	out_printf(j->out, "\"%04" PRId64 "-%02d-%02dT%02d:%02d:%02d.%09dZ\"", year, month, date,
		   (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60), (int)left);
}

void jsonw_line(struct jsonw *j)
{
	out_write(j->out, "\n", 1);
	j->comma = false;
}
