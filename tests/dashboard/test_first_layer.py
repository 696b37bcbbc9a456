from mnist_mlp.dashboard.run_log import read_run


def test_weights_are_drawn_after_0_1_2_4_epochs_and_at_the_end(fit, events_of, steps_of):
    run = fit()
    assert steps_of(run, "weights/first_layer") == [0, 5, 10, 15]
    image = events_of(run).Images("weights/first_layer")[-1]
    assert (image.width, image.height) == (6 * 58 + 2, 60)
    assert read_run(run).images["weights/first_layer"].caption.startswith("Incoming weights")
