//! Declaring elements and the words that their attributes take, each attribute on one line.

/// Declares an element with its content and its attributes: the type, a setter per attribute, and
/// how the attributes are written. An attribute is `rust_name "xmlName": kind`, where the kind is
/// `text`, `[Word]` for a list of words, or a type.
macro_rules! element {
    (
        $(#[$outer:meta])*
        $name:ident { $($content:ident: $content_type:ty),* $(,)? }
        attributes { $($(#[$doc:meta])* $field:ident $xml:literal: $kind:tt),* $(,)? }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name<'a> {
            $($content: $content_type,)*
            $($field: Option<element!(@type $kind)>,)*
            lifetime: std::marker::PhantomData<&'a ()>,
        }

        impl<'a> $name<'a> {
            /// The element with this content and no attributes.
            fn with_content($($content: $content_type),*) -> Self {
                Self { $($content,)* $($field: None,)* lifetime: std::marker::PhantomData }
            }

            /// Begins the element and adds its attributes.
            fn tag<'d>(
                &self,
                document: &'d mut $crate::twilio::twiml::document::Document,
            ) -> $crate::twilio::twiml::document::Tag<'d> {
                document.tag(stringify!($name))$(.attribute($xml, self.$field.as_ref()))*
            }

            $(element!(@setter $(#[$doc])* $field $kind);)*
        }
    };

    (@type text) => { std::borrow::Cow<'a, str> };
    (@type [$word:ty]) => { std::borrow::Cow<'a, [$word]> };
    (@type $other:ty) => { $other };

    (@setter $(#[$doc:meta])* $field:ident text) => {
        $(#[$doc])*
        #[must_use]
        pub fn $field(mut self, $field: impl Into<std::borrow::Cow<'a, str>>) -> Self {
            self.$field = Some($field.into());
            self
        }
    };
    (@setter $(#[$doc:meta])* $field:ident [$word:ty]) => {
        $(#[$doc])*
        #[must_use]
        pub fn $field(mut self, $field: impl Into<std::borrow::Cow<'a, [$word]>>) -> Self {
            self.$field = Some($field.into());
            self
        }
    };
    (@setter $(#[$doc:meta])* $field:ident $other:ty) => {
        $(#[$doc])*
        #[must_use]
        pub fn $field(mut self, $field: $other) -> Self {
            self.$field = Some($field);
            self
        }
    };
}

/// Declares what an attribute may say, with the word for each.
macro_rules! words {
    ($(
        $(#[$outer:meta])*
        $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }
    )+) => {$(
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $crate::twilio::twiml::document::AttributeValue for $name {
            fn append_to(&self, tag: &mut String) {
                tag.push_str(match self {
                    $(Self::$variant => $word,)+
                });
            }
        }
    )+};
}

pub(super) use {element, words};
