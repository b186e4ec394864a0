# A project's files as an image, for the web image to take them from. The build context is the project.
FROM scratch
COPY . /
