use http::Request;

use super::*;

fn arrival(way: Way) -> Arrival<'static> {
    Arrival {
        host: match way {
            Way::Direct => "127.0.0.1:9000",
            Way::Tunnel => "quiet-river.example.net",
        },
        way,
        port: 9_000,
        peer: IpAddr::from([127, 0, 0, 1]),
        at: "2020-03-12T19:03:58.390Z".parse().unwrap(),
        request_id: "r-1".to_owned(),
        account_id: "anonymous",
        api_id: "sms-webhook",
        domain_name: "127.0.0.1:9000",
        domain_prefix: "sms-webhook",
        route_key: "$default",
        path: "",
    }
}

fn made(target: &str, headers: &[(&str, &str)], body: &[u8], way: Way) -> Value {
    let mut request = Request::post(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let parts = request.body(()).unwrap().into_parts().0;
    let arrival = arrival(way);
    let arrival = Arrival {
        domain_name: arrival.host,
        path: parts.uri.path(),
        ..arrival
    };
    Value::Object(event(&parts, body, &arrival))
}

#[test]
fn the_event_has_the_documented_shape() {
    let headers = [
        ("Host", "127.0.0.1:9000"),
        ("User-Agent", "TwilioProxy/1.1"),
        ("X-Twice", "one"),
        ("X-Twice", "two"),
        ("Cookie", "a=1; b=2"),
        (
            "X-Amzn-Trace-Id",
            "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e",
        ),
    ];
    let event = made("/sms?account=AC1&x=%20a+b&x=c", &headers, b"", Way::Direct);
    assert_eq!(
        event,
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/sms",
            "rawQueryString": "account=AC1&x=%20a+b&x=c",
            "cookies": ["a=1", "b=2"],
            "headers": {
                "host": "127.0.0.1:9000",
                "user-agent": "TwilioProxy/1.1",
                "x-twice": "one,two",
                "x-amzn-trace-id": "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e",
                "x-forwarded-for": "127.0.0.1",
                "x-forwarded-port": "9000",
                "x-forwarded-proto": "http",
            },
            "queryStringParameters": {"account": "AC1", "x": " a b,c"},
            "requestContext": {
                "accountId": "anonymous",
                "apiId": "sms-webhook",
                "domainName": "127.0.0.1:9000",
                "domainPrefix": "sms-webhook",
                "http": {
                    "method": "POST",
                    "path": "/sms",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "TwilioProxy/1.1",
                },
                "requestId": "r-1",
                "routeKey": "$default",
                "stage": "$default",
                "time": "12/Mar/2020:19:03:58 +0000",
                "timeEpoch": 1_584_039_838_390_i64,
            },
            "isBase64Encoded": false,
        })
    );
}

#[test]
fn path_and_query_stay_byte_for_byte() {
    let event = made(
        "/a/../b//%2e%2E/%zz?q=%zz&&q=a'b|&=&%41",
        &[],
        b"",
        Way::Direct,
    );
    assert_eq!(event["rawPath"], "/a/../b//%2e%2E/%zz");
    assert_eq!(
        event["requestContext"]["http"]["path"],
        "/a/../b//%2e%2E/%zz"
    );
    assert_eq!(event["rawQueryString"], "q=%zz&&q=a'b|&=&%41");
    assert_eq!(
        event["queryStringParameters"],
        json!({"q": "%zz,a'b|", "": "", "A": ""})
    );
}

#[test]
fn a_form_arrives_as_base64() {
    let form = [(
        "content-type",
        "application/x-www-form-urlencoded; charset=UTF-8",
    )];
    let event = made("/", &form, b"Body=hi", Way::Direct);
    assert_eq!(
        (&event["body"], &event["isBase64Encoded"]),
        (&json!("Qm9keT1oaQ=="), &json!(true))
    );
}

#[test]
fn json_and_text_arrive_as_they_are_if_they_are_utf_8() {
    for content_type in [
        "application/json",
        "text/plain; charset=utf-8",
        "Application/Problem+JSON",
    ] {
        let event = made(
            "/",
            &[("content-type", content_type)],
            "{\"a\":\"é\"}".as_bytes(),
            Way::Direct,
        );
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&json!("{\"a\":\"é\"}"), &json!(false))
        );
    }
    let event = made("/", &[("content-type", "text/plain")], b"\xff", Way::Direct);
    assert_eq!(
        (&event["body"], &event["isBase64Encoded"]),
        (&json!("/w=="), &json!(true))
    );
}

#[test]
fn a_body_without_a_content_type_arrives_as_base64() {
    assert_eq!(
        made("/", &[], b"hi", Way::Direct)["isBase64Encoded"],
        json!(true)
    );
}

#[test]
fn forwarding_headers_of_a_direct_caller_are_not_believed() {
    let forged = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-port", "443"),
    ];
    let event = made("/", &forged, b"", Way::Direct);
    assert_eq!(event["headers"]["x-forwarded-proto"], "http");
    assert_eq!(event["headers"]["x-forwarded-for"], "127.0.0.1");
    assert_eq!(event["headers"]["x-forwarded-port"], "9000");
}

#[test]
fn a_tunnel_says_what_its_caller_used() {
    let forwarded = [
        ("x-forwarded-proto", "http"),
        ("x-forwarded-for", "203.0.113.9"),
    ];
    let event = made("/", &forwarded, b"", Way::Tunnel);
    assert_eq!(
        event["requestContext"]["domainName"],
        "quiet-river.example.net"
    );
    assert_eq!(event["headers"]["host"], "quiet-river.example.net");
    assert_eq!(event["headers"]["x-forwarded-proto"], "http");
    assert_eq!(event["headers"]["x-forwarded-port"], "80");
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "203.0.113.9");
    let silent = made("/", &[], b"", Way::Tunnel);
    assert_eq!(silent["headers"]["x-forwarded-proto"], "https");
    assert_eq!(silent["headers"]["x-forwarded-port"], "443");
}

#[test]
fn a_header_that_is_not_utf_8_is_not_lost() {
    let request = Request::post("/").header("x-name", HeaderValue::from_bytes(b"caf\xe9").unwrap());
    let event = event(
        &request.body(()).unwrap().into_parts().0,
        b"",
        &arrival(Way::Direct),
    );
    assert_eq!(event["headers"]["x-name"], "café");
}
