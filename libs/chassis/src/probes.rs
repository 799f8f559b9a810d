//! What every server answers besides its services: health for each of them, and reflection v1 and v1alpha.

use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};

/// The routes, and the handle that says who is serving. Nothing is until said so.
pub(crate) async fn routes(
    services: &[&'static str],
    descriptors: &[&'static [u8]],
) -> anyhow::Result<(Routes, HealthReporter)> {
    let (health, health_server) = health_reporter();
    say(&health, services, ServingStatus::NotServing).await;
    let mut builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name("grpc.health.v1.Health");
    let mut alpha = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name("grpc.health.v1.Health");
    for set in descriptors {
        builder = builder.register_encoded_file_descriptor_set(set);
        alpha = alpha.register_encoded_file_descriptor_set(set);
    }
    for service in services {
        builder = builder.with_service_name(*service);
        alpha = alpha.with_service_name(*service);
    }
    let routes = Routes::new(health_server)
        .add_service(builder.build_v1()?)
        .add_service(alpha.build_v1alpha()?)
        .prepare();
    Ok((routes, health))
}

/// Sets the status of services, and of the server as a whole.
pub(crate) async fn say(health: &HealthReporter, services: &[&'static str], status: ServingStatus) {
    health.set_service_status("", status).await;
    for service in services {
        health.set_service_status(*service, status).await;
    }
}
