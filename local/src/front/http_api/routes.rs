//! Which route a request is for.

use std::collections::BTreeMap;

use super::{Invoke, Served};
use crate::front::event::decode_path;
use crate::template::ApiRoute;

/// The routes of an API, the more specific ones first.
pub(super) struct Routes(Vec<Known>);

struct Known {
    segments: Vec<Segment>,
    served: Served,
}

/// Fixed ones go first: `/api/integrations/twilio` before `/api/integrations/{provider}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Fixed(String),
    Parameter(String),
}

/// The route of one request.
pub(super) struct Found<'a> {
    pub(super) route: &'a ApiRoute,
    pub(super) invoke: &'a Invoke,
    /// The route as the event names it: `GET /api/tenants/{tenant_id}`.
    pub(super) key: String,
    /// The values of its parameters, decoded.
    pub(super) parameters: BTreeMap<String, String>,
}

impl Routes {
    pub(super) fn new(served: Vec<Served>) -> Self {
        let mut routes: Vec<_> = served
            .into_iter()
            .map(|served| Known {
                segments: segments(&served.route.path),
                served,
            })
            .collect();
        routes.sort_by(|one, other| one.segments.cmp(&other.segments));
        Self(routes)
    }

    /// The route of a method and a path as it was sent. A slash at the end makes another path.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Found<'_>> {
        let sent: Vec<_> = path.strip_prefix('/')?.split('/').collect();
        self.0
            .iter()
            .filter(|known| known.served.route.method == method)
            .find_map(|known| {
                let Served { route, invoke } = &known.served;
                Some(Found {
                    route,
                    invoke,
                    key: format!("{} {}", route.method, route.path),
                    parameters: parameters(&known.segments, &sent)?,
                })
            })
    }
}

fn segments(path: &str) -> Vec<Segment> {
    let segments = path.trim_start_matches('/').split('/');
    segments
        .map(|segment| {
            let name = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            match name {
                Some(name) => Segment::Parameter(name.to_owned()),
                None => Segment::Fixed(segment.to_owned()),
            }
        })
        .collect()
}

/// The parameters' values, if the path fits.
fn parameters(segments: &[Segment], sent: &[&str]) -> Option<BTreeMap<String, String>> {
    if segments.len() != sent.len() {
        return None;
    }
    let mut parameters = BTreeMap::new();
    for (segment, sent) in segments.iter().zip(sent) {
        match segment {
            Segment::Fixed(fixed) if fixed == sent => {}
            Segment::Parameter(name) if !sent.is_empty() => {
                parameters.insert(name.clone(), decode_path(sent));
            }
            _ => return None,
        }
    }
    Some(parameters)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn routes(routes: &[(&str, &str)]) -> Routes {
        let served = routes.iter().map(|(method, path)| Served {
            route: ApiRoute {
                api: "Api".to_owned(),
                method: (*method).to_owned(),
                path: (*path).to_owned(),
                authorized: true,
            },
            invoke: Arc::new(|_| Box::pin(async { Ok(bytes::Bytes::new()) })),
        });
        Routes::new(served.collect())
    }

    fn key(routes: &Routes, method: &str, path: &str) -> Option<String> {
        routes.find(method, path).map(|found| found.key)
    }

    #[test]
    fn a_route_is_its_method_and_its_path() {
        let routes = routes(&[("GET", "/api/tenants"), ("POST", "/api/tenants")]);
        for method in ["GET", "POST"] {
            let expected = format!("{method} /api/tenants");
            assert_eq!(key(&routes, method, "/api/tenants"), Some(expected));
        }
        for (method, path) in [
            ("DELETE", "/api/tenants"),
            ("get", "/api/tenants"),
            ("GET", "/api/tenants/"),
            ("GET", "//api/tenants"),
            ("GET", "/api"),
            ("GET", "/API/tenants"),
            ("GET", "*"),
        ] {
            assert_eq!(key(&routes, method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn a_parameter_is_one_segment_and_comes_decoded() {
        let routes = routes(&[("GET", "/api/{kind}/{id}")]);
        let found = routes.find("GET", "/api/a%20b/c+d%2Fe").unwrap();
        assert_eq!(
            found.parameters,
            BTreeMap::from([
                ("kind".to_owned(), "a b".to_owned()),
                ("id".to_owned(), "c+d/e".to_owned())
            ])
        );
        for path in ["/api/a/", "/api//b", "/api/a", "/api/a/b/c"] {
            assert!(routes.find("GET", path).is_none(), "{path}");
        }
    }

    #[test]
    fn a_fixed_segment_goes_before_a_parameter() {
        let routes = routes(&[
            ("POST", "/api/integrations/{provider}/verify"),
            ("POST", "/api/integrations/twilio/verify"),
        ]);
        assert_eq!(
            key(&routes, "POST", "/api/integrations/twilio/verify").unwrap(),
            "POST /api/integrations/twilio/verify"
        );
        assert_eq!(
            key(&routes, "POST", "/api/integrations/vapi/verify").unwrap(),
            "POST /api/integrations/{provider}/verify"
        );
    }
}
