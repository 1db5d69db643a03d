#include "schema.h"

#include "cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char validate[] =
	"import json, sys\n"
	"try:\n"
	"    import jsonschema\n"
	"    validator = jsonschema.Draft202012Validator\n"
	"except (ImportError, AttributeError):\n"
	"    sys.exit(77)\n"
	"schema = json.load(open('docs/events.schema.json', encoding='utf-8'))\n"
	"validator.check_schema(schema)\n"
	"bad = 0\n"
	"for number, line in enumerate(open(sys.argv[1], encoding='utf-8'), 1):\n"
	"    for error in validator(schema).iter_errors(json.loads(line)):\n"
	"        print(number, list(error.absolute_path), error.message[:300], file=sys.stderr)\n"
	"        bad = 1\n"
	"sys.exit(bad)\n";

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

int schema_validate(const char *lines, bool quiet)
{
	char folder[] = "/tmp/synscope-test-schema-XXXXXX";
	char script[64];
	char data[64];
	char command[256];
	assert_non_null(mkdtemp(folder));
	snprintf(script, sizeof script, "%s/validate.py", folder);
	snprintf(data, sizeof data, "%s/lines", folder);
	write_text(script, validate);
	write_text(data, lines);
	snprintf(command, sizeof command, "/usr/bin/python3 %s %s%s", script, data,
		 quiet ? " 2>/dev/null" : "");
	const int status = system(command);
	unlink(script);
	unlink(data);
	rmdir(folder);
	if (status == -1 || (status >> 8 & 0xff) == 127)
		return 77;
	return status >> 8 & 0xff;
}
