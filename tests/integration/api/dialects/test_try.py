import json
from ilios.accounts.keys import owner_of
from ilios.api.dialects.azure import analysis
from ilios.api.responses.json_pieces import Fields, written
from ilios.api.services import services
from tests.support import structured
from tests.support.api_fixtures import KEY
OWNER = owner_of(KEY)
def test_it(app, database):
    doc = structured.add_result(database, [structured.page(0), structured.page(1), structured.plain_page(2, "# A é\n\n*b* c\n\n1. x\n2. y")], owner=OWNER, mime_type="application/pdf")
    with app.test_request_context():
        for form in ("text", "markdown"):
            found = services().reader.result(doc, owner=OWNER)
            a = json.loads("".join(written(Fields(analysis.fields(found, analysis.Asked("prebuilt-layout", form, "unicodeCodePoint"))))))
            print(json.dumps(a, indent=1, ensure_ascii=False))
            c = a["content"]
            def cut(s): return c[s["offset"]:s["offset"]+s["length"]]
            for p in a["pages"]:
                print([cut(s) for s in p["spans"]])
                print([(l["content"], cut(l["spans"][0])) for l in p["lines"]])
                print([(l["content"], cut(l["span"])) for l in p["words"]])
            for p in a["paragraphs"]: print(p["content"], [cut(s) for s in p["spans"]])
            for t in a["tables"]:
                for p in t["cells"]: print(p["content"], [cut(s) for s in p["spans"]])
    assert 0
