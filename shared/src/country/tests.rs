use proptest::prelude::*;

use super::*;

/// A number with the ordinary prefix of a place in it, for every calling code of a country and for
/// every country that shares one. The subscribers' digits are zeros.
#[rustfmt::skip]
const NUMBERS: &[&str] = &[
    "12125550100 US", "12425550100 BS", "12465550100 BB", "12645550100 AI", "12685550100 AG",
    "12845550100 VG", "13405550100 VI", "13455550100 KY", "14165550100 CA", "14415550100 BM",
    "14735550100 GD", "16495550100 TC", "16645550100 MS", "16705550100 MP", "16715550100 GU",
    "16845550100 AS", "17215550100 SX", "17585550100 LC", "17675550100 DM", "17845550100 VC",
    "17875550100 PR", "18095550100 DO", "18685550100 TT", "18695550100 KN", "18765550100 JM",
    "20234500000 EG", "21118120000 SS", "21252010000 MA", "21252880000 EH", "21312340000 DZ",
    "21630010000 TN", "21821230000 LY", "22056610000 GM", "22130100000 SN", "22235120000 MR",
    "22320210000 ML", "22430240000 GN", "22521230000 CI", "22620490000 BF", "22720200000 NE",
    "22822210000 TG", "22901200000 BJ", "23054480000 MU", "23121230000 LR", "23222220000 SL",
    "23330230000 GH", "23420330000 NG", "23522500000 TD", "23621610000 CF", "23722210000 CM",
    "23822110000 CV", "23922210000 ST", "24033300000 GQ", "24101440000 GA", "24222210000 CG",
    "24312340000 CD", "24422210000 AO", "24544320000 GW", "24637090000 IO", "24762880000 AC",
    "24842170000 SC", "24915310000 SD", "25025010000 RW", "25111110000 ET", "25240120000 SO",
    "25321360000 DJ", "25420200000 KE", "25522230000 TZ", "25631230000 UG", "25722200000 BI",
    "25821120000 MZ", "26021120000 ZM", "26120210000 MG", "26226210000 RE", "26226960000 YT",
    "26313120000 ZW", "26461220000 NA", "26512340000 MW", "26622120000 LS", "26724010000 BW",
    "26822170000 SZ", "26977120000 KM", "27101200000 ZA", "29022150000 SH", "29089990000 TA",
    "29183700000 ER", "29752120000 AW", "29820120000 FO", "29932100000 GL", "30212300000 GR",
    "31101200000 NL", "32123400000 BE", "33123400000 FR", "34810100000 ES", "35020010000 GI",
    "35121230000 PT", "35227120000 LU", "35322120000 IE", "35441010000 IS", "35522340000 AL",
    "35621000000 MT", "35722340000 CY", "35813120000 FI", "35818120000 AX", "35921230000 BG",
    "36123400000 HU", "37031230000 LT", "37163120000 LV", "37232120000 EE", "37322210000 MD",
    "37410120000 AM", "37515240000 BY", "37671230000 AD", "37799120000 MC", "37805490000 SM",
    "38031120000 UA", "38110230000 RS", "38230230000 ME", "38328010000 XK", "38512340000 HR",
    "38612340000 SI", "38730210000 BA", "38922010000 MK", "39021230000 IT", "39066980000 VA",
    "40211200000 RO", "41212300000 CH", "42021230000 CZ", "42122120000 SK", "42323450000 LI",
    "43123400000 AT", "44121200000 GB", "44148100000 GG", "44153400000 JE", "44162400000 IM",
    "45320000000 DK", "46812300000 SE", "47212300000 NO", "47791200000 SJ", "48123400000 PL",
    "49301200000 DE", "50031230000 FK", "50122210000 BZ", "50222450000 GT", "50321230000 SV",
    "50422120000 HN", "50521230000 NI", "50622120000 CR", "50720010000 PA", "50843010000 PM",
    "50922450000 HT", "51112300000 PE", "52200100000 MX", "53712300000 CU", "54110000000 AR",
    "55112300000 BR", "56221200000 CL", "57601200000 CO", "58212100000 VE", "59059027000 BL",
    "59059020000 GP", "59059050000 MF", "59122120000 BO", "59222010000 GY", "59322120000 EC",
    "59459410000 GF", "59521230000 PY", "59659630000 MQ", "59721120000 SR", "59821230000 UY",
    "59971510000 BQ", "59994350000 CW", "60323800000 MY", "61212345000 AU", "61891621000 CC",
    "61891641000 CX", "62218300000 ID", "63232300000 PH", "64323400000 NZ", "65612300000 SG",
    "66212300000 TH", "67021120000 TL", "67210600000 AQ", "67230000000 NF", "67323450000 BN",
    "67444410000 NR", "67531230000 PG", "67620120000 TO", "67740120000 SB", "67822120000 VU",
    "67932120000 FJ", "68027710000 PW", "68172000000 WF", "68221230000 CK", "68370120000 NU",
    "68522120000 WS", "68631230000 KI", "68720120000 NC", "68820120000 TV", "68940410000 PF",
    "69031010000 TK", "69132000000 FM", "69224710000 MH", "73011000000 RU", "77123000000 KZ",
    "81312300000 JP", "82221200000 KR", "84210100000 VN", "85021230000 KP", "85221230000 HK",
    "85328210000 MO", "85523750000 KH", "85621210000 LA", "86101200000 CN", "88027110000 BD",
    "88622120000 TW", "90212300000 TR", "91741000000 IN", "92212300000 PK", "93234500000 AF",
    "94112300000 LK", "95123400000 MM", "96067010000 MV", "96111230000 LB", "96262000000 JO",
    "96311230000 SY", "96412340000 IQ", "96522340000 KW", "96611230000 SA", "96712340000 YE",
    "96823120000 OM", "97022230000 PS", "97122340000 AE", "97221230000 IL", "97317000000 BH",
    "97444120000 QA", "97523450000 BT", "97653120000 MN", "97714560000 NP", "98212300000 IR",
    "99237210000 TJ", "99312340000 TM", "99412310000 AZ", "99532210000 GE", "99631210000 KG",
    "99866900000 UZ",
];

fn country_of(number: &str) -> Option<&'static str> {
    Country::of(&number.parse().unwrap()).map(Country::as_str)
}

#[test]
fn every_calling_code_leads_to_its_countries() {
    for line in NUMBERS {
        let (digits, country) = line.split_once(' ').unwrap();
        assert_eq!(
            country_of(&format!("+{digits}")),
            Some(country),
            "+{digits}"
        );
    }
}

#[test]
fn every_country_with_numbers_of_its_own_has_one_above() {
    let without_numbers = ["BV", "GS", "HM", "PN", "TF", "UM"];
    for country in COUNTRIES {
        let listed = NUMBERS.iter().any(|line| line.ends_with(country));
        assert_eq!(listed, !without_numbers.contains(&country), "{country}");
    }
}

#[test]
fn area_codes_tell_the_countries_of_north_america_apart() {
    let area_codes = [
        (
            "US",
            "201 205 206 212 213 305 312 415 512 617 621 679 702 808 907 989",
        ),
        (
            "CA",
            "204 226 236 250 403 416 418 506 514 604 613 647 709 778 867 902 905",
        ),
        ("DO", "809 829 849"),
        ("PR", "787 939"),
        ("JM", "658 876"),
        ("AG", "268"),
        ("AI", "264"),
        ("AS", "684"),
        ("BB", "246"),
        ("BM", "441"),
        ("BS", "242"),
        ("DM", "767"),
        ("GD", "473"),
        ("GU", "671"),
        ("KN", "869"),
        ("KY", "345"),
        ("LC", "758"),
        ("MP", "670"),
        ("MS", "664"),
        ("SX", "721"),
        ("TC", "649"),
        ("TT", "868"),
        ("VC", "784"),
        ("VG", "284"),
        ("VI", "340"),
    ];
    for (country, codes) in area_codes {
        for code in codes.split(' ') {
            assert_eq!(
                country_of(&format!("+1{code}5550100")),
                Some(country),
                "+1 {code}"
            );
        }
    }
}

#[test]
fn north_american_toll_free_numbers_are_of_the_united_states() {
    for code in [800, 833, 844, 855, 866, 877, 888] {
        assert_eq!(
            country_of(&format!("+1{code}5550100")),
            Some("US"),
            "+1 {code}"
        );
    }
}

#[test]
fn north_american_numbers_outside_any_area_have_no_country() {
    for code in [
        200, 211, 411, 500, 521, 533, 544, 566, 577, 588, 600, 622, 633, 700, 710, 822, 880, 881,
        889, 900, 911, 999, 100, 123,
    ] {
        assert_eq!(country_of(&format!("+1{code}5550100")), None, "+1 {code}");
    }
}

#[test]
fn the_information_exchange_is_of_no_country_in_any_area() {
    for number in [
        "+12129760100",
        "+14169760100",
        "+18769760100",
        "+12469760100",
    ] {
        assert_eq!(country_of(number), None, "{number}");
    }
    assert_eq!(country_of("+19765550100"), None);
    assert_eq!(country_of("+12125559760"), Some("US"));
    assert_eq!(country_of("+97699000000"), Some("MN"));
}

#[test]
fn countries_that_share_a_calling_code_are_told_apart() {
    let numbers = [
        ("+74950000000", "RU"),
        ("+77270000000", "KZ"),
        ("+442070000000", "GB"),
        ("+447400000000", "GB"),
        ("+441481000000", "GG"),
        ("+447781000000", "GG"),
        ("+447911100000", "GG"),
        ("+447911000000", "GB"),
        ("+441534000000", "JE"),
        ("+447797000000", "JE"),
        ("+447700300000", "JE"),
        ("+447700900000", "GB"),
        ("+441624000000", "IM"),
        ("+447624000000", "IM"),
        ("+390612345678", "IT"),
        ("+390669800000", "VA"),
        ("+61212345678", "AU"),
        ("+61891640000", "CX"),
        ("+61891620000", "CC"),
        ("+4721000000", "NO"),
        ("+4779000000", "SJ"),
        ("+35891234567", "FI"),
        ("+358181234567", "AX"),
        ("+212522000000", "MA"),
        ("+212528800000", "EH"),
        ("+212528900000", "EH"),
        ("+262262000000", "RE"),
        ("+262269000000", "YT"),
        ("+262639000000", "YT"),
        ("+590590010000", "GP"),
        ("+590590270000", "BL"),
        ("+590590500000", "MF"),
        ("+59994600000", "CW"),
        ("+5997150000", "BQ"),
        ("+29022000", "SH"),
        ("+2908000", "TA"),
        ("+2476200", "AC"),
        ("+672106000", "AQ"),
        ("+672300000", "NF"),
        ("+6433000000", "NZ"),
        ("+38338000000", "XK"),
    ];
    for (number, country) in numbers {
        assert_eq!(country_of(number), Some(country), "{number}");
    }
}

#[test]
fn unassigned_prefixes_have_no_country() {
    for prefix in [
        "210", "214", "215", "217", "219", "259", "28", "292", "295", "384", "388", "422", "671",
        "684", "693", "699", "710", "75", "801", "83", "851", "854", "857", "889", "89", "969",
        "978", "991", "997", "999", "44100", "4440", "4460", "262111",
    ] {
        assert_eq!(country_of(&format!("+{prefix}12345678")), None, "+{prefix}");
    }
}

#[test]
fn international_networks_have_no_country() {
    for code in [
        "800", "808", "870", "878", "881", "8816", "882", "883", "888", "979",
    ] {
        assert_eq!(country_of(&format!("+{code}12345678")), None, "+{code}");
    }
}

#[test]
fn numbers_priced_by_who_is_called_have_no_country() {
    for number in [
        "+449012345678",
        "+447012345678",
        "+448712345678",
        "+447640123456",
        "+499001234567",
        "+4918012345678",
        "+33899123456",
        "+39899123456",
        "+34803123456",
        "+41900123456",
        "+43900123456",
        "+61190012345",
        "+78091234567",
        "+4782012345",
        "+358600123456",
        "+81990123456",
    ] {
        assert_eq!(country_of(number), None, "{number}");
    }
}

#[test]
fn prefixes_are_ascending_and_well_formed() {
    assert!(PREFIXES.is_sorted_by(|a, b| split(a).0 < split(b).0));
    for entry in PREFIXES {
        let (prefix, country) = split(entry);
        assert!((1..=LONGEST_PREFIX).contains(&prefix.len()), "{entry}");
        assert!(prefix.bytes().all(|byte| byte.is_ascii_digit()), "{entry}");
        assert!(
            country == "--" || country.parse::<Country>().is_ok(),
            "{entry}"
        );
    }
}

#[test]
fn codes_are_ascending_pairs_of_upper_case_letters() {
    assert!(COUNTRIES.is_sorted_by(|a, b| a < b));
    for code in COUNTRIES {
        assert!(
            code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()),
            "{code}"
        );
        assert_eq!(code.parse::<Country>().unwrap().to_string(), code);
    }
}

#[test]
fn only_codes_that_exist_are_countries() {
    for text in [
        "", "A", "at", "At", "AUT", "UK", "EU", "ZZ", "AA", "--", " AT", "AT ", "ÅT",
    ] {
        assert_eq!(text.parse::<Country>(), Err(InvalidCountry), "{text}");
    }
}

#[test]
fn json_goes_through_the_parser() {
    let countries: Vec<Country> = serde_json::from_str(r#"["AT","US"]"#).unwrap();
    assert_eq!(serde_json::to_string(&countries).unwrap(), r#"["AT","US"]"#);
    assert!(serde_json::from_str::<Country>(r#""at""#).is_err());
}

proptest! {
    #[test]
    fn any_number_has_at_most_one_country(text in r"\+[1-9][0-9]{6,14}") {
        let country = Country::of(&text.parse().unwrap());
        if let Some(country) = country {
            prop_assert!(COUNTRIES.contains(&country.as_str()));
        }
    }

    #[test]
    fn the_longest_prefix_decides(at in 0..PREFIXES.len(), rest in "[0-9]{6}") {
        let (prefix, country) = split(PREFIXES[at]);
        let digits = format!("{prefix}{rest}");
        let longer = PREFIXES.iter().map(|entry| split(entry).0).any(|other| {
            other.len() > prefix.len() && digits.starts_with(other)
        });
        prop_assume!(!longer && !is_information_line(&digits));
        let expected = country.parse::<Country>().ok();
        prop_assert_eq!(Country::of(&format!("+{digits}").parse().unwrap()), expected);
    }
}
