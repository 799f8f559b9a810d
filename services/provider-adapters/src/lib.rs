//! The provider-adapters service.
