//! Requests as honest programs and as attackers send them.

/// What a browser calls itself.
pub const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// The token of somebody who is signed in to Care.
pub const SIGNED_IN: &str = "Authorization: Bearer a.secret.login\r\n";

const JSON: &str = "Content-Type: application/json\r\n";
const CARE: &str = "Content-Type: application/json\r\nAuthorization: Bearer a.secret.login\r\n";
const ODOO: &str =
    "Content-Type: application/json\r\nCookie: session_id=abc; frontend_lang=en_US\r\n";
const METABASE: &str =
    "Content-Type: application/json\r\nCookie: metabase.DEVICE=1; metabase.SESSION=9b1\r\n";
const GRAFANA: &str = "Content-Type: application/json\r\nCookie: grafana_session=9b1\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const PARTS: &str = "Content-Type: multipart/form-data; boundary=XX\r\nCookie: session_id=abc\r\nAuthorization: Bearer a.secret.login\r\n";

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub what: &'static str,
    /// The first part of the host's name.
    pub at: &'static str,
    method: &'static str,
    path: &'static str,
    headers: &'static str,
    body: &'static str,
}

impl Case {
    pub fn request(&self, host: &str) -> Vec<u8> {
        let Self {
            method,
            path,
            headers,
            body,
            ..
        } = self;
        let own = if headers.contains("User-Agent: ") {
            String::new()
        } else {
            format!("User-Agent: {BROWSER}\r\n")
        };
        let length = body.len();
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{own}Accept: */*\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
            .into_bytes()
    }
}

const fn case(
    what: &'static str,
    at: &'static str,
    line: (&'static str, &'static str),
    sent: (&'static str, &'static str),
) -> Case {
    Case {
        what,
        at,
        method: line.0,
        path: line.1,
        headers: sent.0,
        body: sent.1,
    }
}

/// Must be refused.
pub const ATTACKS: &[Case] = &[
    case(
        "SQL in a query",
        "app",
        ("GET", "/?id=1%27%20OR%201%3D1--"),
        ("", ""),
    ),
    case(
        "SQL in a search of Care",
        "api",
        (
            "GET",
            "/api/v1/patient/?name=%27%20UNION%20SELECT%20password%20FROM%20users--",
        ),
        (CARE, ""),
    ),
    case(
        "SQL in a login",
        "api",
        ("POST", "/api/v1/auth/login/"),
        (
            JSON,
            r#"{"username":"admin' OR '1'='1' --","password":"x"}"#,
        ),
    ),
    case(
        "SQL in a login behind a made-up token",
        "api",
        ("POST", "/api/v1/auth/login/"),
        (
            CARE,
            r#"{"username":"admin' OR '1'='1' --","password":"x"}"#,
        ),
    ),
    case(
        "the same with letters of its path hidden",
        "api",
        ("POST", "/api/v1/%61uth/login/"),
        (
            CARE,
            r#"{"username":"admin' OR '1'='1' --","password":"x"}"#,
        ),
    ),
    case(
        "a script in a query",
        "app",
        ("GET", "/?q=%3Cscript%3Ealert(1)%3C/script%3E"),
        ("", ""),
    ),
    case(
        "a script in the body of a stranger",
        "api",
        ("POST", "/api/v1/patient/"),
        (JSON, r#"{"name":"<script>alert(1)</script>"}"#),
    ),
    case(
        "a script in a query beside a body",
        "api",
        (
            "POST",
            "/api/v1/patient/?x=%3Cscript%3Ealert(1)%3C/script%3E",
        ),
        (CARE, r#"{"name":"a"}"#),
    ),
    case(
        "a path out of the folder",
        "app",
        ("GET", "/?file=../../../../etc/passwd"),
        ("", ""),
    ),
    case(
        "a file of the system",
        "app",
        ("GET", "/assets/?f=/etc/passwd"),
        ("", ""),
    ),
    case("a hidden file", "app", ("GET", "/.git/config"), ("", "")),
    case("a file of settings", "app", ("GET", "/.env"), ("", "")),
    case(
        "a command",
        "app",
        ("GET", "/?c=;cat%20/etc/passwd"),
        ("", ""),
    ),
    case(
        "a scanner",
        "app",
        ("GET", "/"),
        ("User-Agent: sqlmap/1.7\r\n", ""),
    ),
    case(
        "another scanner",
        "app",
        ("GET", "/"),
        ("User-Agent: Mozilla/5.00 (Nikto/2.1.6)\r\n", ""),
    ),
    case(
        "SQL at the object store",
        "files",
        ("GET", "/care-facility/x?id=1%27%20OR%201%3D1--"),
        ("", ""),
    ),
    case(
        "the database manager of Odoo",
        "odoo",
        ("GET", "/web/database/manager"),
        ("", ""),
    ),
    case(
        "SQL in a query of Odoo",
        "odoo",
        ("GET", "/web?db=1%27%20UNION%20SELECT%201,2,3--"),
        ("", ""),
    ),
    case(
        "a script to Odoo by a stranger",
        "odoo",
        ("POST", "/web/dataset/call_kw/res.partner/write"),
        (JSON, r#"{"params":{"args":["<script>alert(1)</script>"]}}"#),
    ),
    case(
        "a file of the system through Metabase",
        "metabase",
        ("GET", "/api/geojson?url=file:///etc/passwd"),
        ("", ""),
    ),
    case(
        "half a body",
        "api",
        ("POST", "/api/v1/patient/"),
        (CARE, r#"{"a":"#),
    ),
    case(
        "a method that nobody needs",
        "app",
        ("PROPFIND", "/"),
        ("", ""),
    ),
];

/// Must pass.
pub const ORDINARY: &[Case] = &[
    case(
        "Care's page",
        "app",
        ("GET", "/facility/9b1/encounters?status=in_progress"),
        ("", ""),
    ),
    case(
        "a piece of it",
        "app",
        ("GET", "/assets/index-BX3f.js"),
        ("", ""),
    ),
    case(
        "a login with a good password",
        "api",
        ("POST", "/api/v1/auth/login/"),
        (
            JSON,
            r#"{"username":"dr.o'brien","password":"x' OR 1=1-- <script>"}"#,
        ),
    ),
    case(
        "a token renewed",
        "api",
        ("POST", "/api/v1/auth/token/refresh/"),
        (JSON, r#"{"refresh":"eyJhbGciOi.eyJ1c2Vy.c2ln-_x"}"#),
    ),
    case(
        "a question before a request",
        "api",
        ("OPTIONS", "/api/v1/patient/"),
        (
            "Origin: https://app.care.example.org\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: authorization,content-type\r\n",
            "",
        ),
    ),
    case(
        "a search with an apostrophe",
        "api",
        (
            "GET",
            "/api/v1/patient/?name=O%27Brien&limit=14&offset=0&ordering=-modified_date",
        ),
        (CARE, ""),
    ),
    case(
        "a search for a hospital",
        "api",
        (
            "GET",
            "/api/v1/facility/?search_text=St%20Mary%27s%20Hospital",
        ),
        (CARE, ""),
    ),
    case(
        "findings in free text",
        "api",
        ("POST", "/api/v1/questionnaire/vitals/submit/"),
        (
            CARE,
            r#"{"results":[{"question_id":"9b1","values":[{"value":"BP < 120/80; \"drop foot\" left & right, select union of bones since 2019; K <5 mmol/l or 1=1; see <b>letter</b>"}]}]}"#,
        ),
    ),
    case(
        "a pasted letter",
        "api",
        ("POST", "/api/v1/patient/9b1/thread/7/note/"),
        (
            CARE,
            r#"{"message":"<p onclick=\"x()\">Dear colleague</p><script>track()</script> /etc/ordered: ../../lab | cat scan"}"#,
        ),
    ),
    case(
        "a plan of drugs",
        "api",
        ("PUT", "/api/v1/patient/9b1/medication/request/7/"),
        (
            CARE,
            r#"{"dosage_instruction":[{"text":"1-0-1; if RR>25 then (2) && wait 10 min, sleep(8h)"}]}"#,
        ),
    ),
    case(
        "an address",
        "api",
        ("PATCH", "/api/v1/patient/9b1/"),
        (CARE, r#"{"address":"12; Sons' or 'a'='a lane"}"#),
    ),
    case(
        "a record taken back",
        "api",
        ("DELETE", "/api/v1/patient/9b1/appointment/4/"),
        (SIGNED_IN, ""),
    ),
    case(
        "a portrait",
        "api",
        ("POST", "/api/v1/users/a/profile_picture/"),
        (
            PARTS,
            "--XX\r\nContent-Disposition: form-data; name=\"profile_picture\"; filename=\"me.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\u{ff}<script>\u{1}select * from\r\n--XX--\r\n",
        ),
    ),
    case(
        "an upload with a signature",
        "files",
        (
            "PUT",
            "/care-fileupload/PATIENT/9b1/x.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20261126%2Fcare%2Fs3%2Faws4_request&X-Amz-Date=20261126T000000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=content-type%3Bhost&X-Amz-Signature=0a1b2c",
        ),
        (
            "Content-Type: application/pdf\r\nOrigin: https://app.care.example.org\r\n",
            "%PDF-1.7 <script>alert(1)</script> /etc/passwd ' or 1=1--",
        ),
    ),
    case(
        "a part of a scan read",
        "files",
        (
            "GET",
            "/care-fileupload/PATIENT/9b1/x.pdf?response-content-disposition=attachment%3B%20filename%3D%22report%20%281%29.pdf%22&X-Amz-Signature=1",
        ),
        ("Range: bytes=0-1023\r\n", ""),
    ),
    case(
        "Odoo's login",
        "odoo",
        ("POST", "/web/login"),
        (
            FORM,
            "csrf_token=abc123o1795&login=admin&password=%27+or+1%3D1--&redirect=%2Fodoo%3F",
        ),
    ),
    case(
        "a list of bills",
        "odoo",
        ("POST", "/web/dataset/call_kw/account.move/web_search_read"),
        (
            ODOO,
            r#"{"jsonrpc":"2.0","method":"call","params":{"model":"account.move","args":[],"kwargs":{"domain":["&",["move_type","=","out_invoice"],"|",["name","ilike","O'Brien"],["state","in",["draft","posted"]]],"order":"date desc, name desc"}}}"#,
        ),
    ),
    case(
        "a note in HTML",
        "odoo",
        ("POST", "/web/dataset/call_kw/res.partner/web_save"),
        (
            ODOO,
            r#"{"params":{"args":[[7],{"comment":"<p>Call <a href=\"mailto:a@b.org\" onclick=\"x()\">her</a> <img src=\"/web/image/1\"></p>"}]}}"#,
        ),
    ),
    case(
        "a message",
        "odoo",
        ("POST", "/mail/message/post"),
        (
            ODOO,
            r#"{"params":{"post_data":{"body":"<p>please select one from these; exec() it</p>"},"thread_id":3}}"#,
        ),
    ),
    case(
        "a bill attached",
        "odoo",
        ("POST", "/mail/attachment/upload"),
        (
            PARTS,
            "--XX\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\nabc\r\n--XX\r\nContent-Disposition: form-data; name=\"ufile\"; filename=\"bill (2).pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--XX--\r\n",
        ),
    ),
    case(
        "Odoo's scripts",
        "odoo",
        ("GET", "/web/assets/1/ab12/web.assets_web.min.js"),
        ("", ""),
    ),
    case(
        "Metabase's login",
        "metabase",
        ("POST", "/api/session"),
        (JSON, r#"{"username":"a@b.org","password":"p';--<x>"}"#),
    ),
    case(
        "a question in SQL",
        "metabase",
        ("POST", "/api/dataset"),
        (
            METABASE,
            r#"{"database":2,"type":"native","native":{"query":"SELECT f.name, count(*) FROM emr_encounter e JOIN facility_facility f ON f.id = e.facility_id WHERE e.status = 'completed' AND 1=1 GROUP BY 1 -- by hospital"}}"#,
        ),
    ),
    case(
        "a question by clicks",
        "metabase",
        ("POST", "/api/dataset"),
        (
            METABASE,
            r#"{"database":2,"type":"query","query":{"source-table":7,"filter":["and",["=",["field",3,null],"a"],[">",["field",4,null],5]],"aggregation":[["count"]]}}"#,
        ),
    ),
    case(
        "a question kept",
        "metabase",
        ("POST", "/api/card"),
        (
            METABASE,
            r#"{"name":"Names","dataset_query":{"native":{"query":"select * from users where name like '%a%' union select 1"}}}"#,
        ),
    ),
    case(
        "a search in Metabase",
        "metabase",
        ("GET", "/api/search?q=patients&models=card&models=dashboard"),
        (METABASE, ""),
    ),
    case(
        "a chart",
        "grafana",
        ("POST", "/api/ds/query?ds_type=prometheus&requestId=Q100"),
        (
            GRAFANA,
            r#"{"queries":[{"expr":"sum(rate(container_cpu_usage_seconds_total{namespace=~\"care-.*\",image!=\"\"}[5m])) by (pod)"},{"expr":"{namespace=\"care-be\"} |= \"error\" | json | line_format \"{{.msg}}\""}]}"#,
        ),
    ),
    case(
        "a piece of an image",
        "registry",
        ("PATCH", "/v2/care-fe/blobs/uploads/abc?_state=x"),
        (
            "Content-Type: application/octet-stream\r\nAuthorization: Basic Y2FyZTp4\r\n",
            "\u{1}\u{2}<script>",
        ),
    ),
    case(
        "an image described",
        "registry",
        ("PUT", "/v2/care-fe/manifests/v1"),
        (
            "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n",
            r#"{"schemaVersion":2}"#,
        ),
    ),
];
