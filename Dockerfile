# The page for CPUs:   docker build -t metastyle . && docker run --rm -p 7860:7860 metastyle
# Behind a proxy:      docker run --rm -p 7860:7860 -e GRADIO_ROOT_PATH=/paint metastyle
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860 GRADIO_ANALYTICS_ENABLED=False

WORKDIR /app

# PyTorch for CPUs first: PyPI's build for Linux brings 4 GB of CUDA libraries.
COPY requirements.txt requirements.lock ./
RUN pip install --no-deps -c requirements.lock \
        --index-url https://download.pytorch.org/whl/cpu torch torchvision \
    && pip install -r requirements.txt -c requirements.lock

COPY . .
RUN useradd --create-home visitor && chown visitor /app
USER visitor

EXPOSE 7860
HEALTHCHECK --start-period=60s --interval=30s --timeout=5s \
    CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/gradio_api/startup-events')"
CMD ["python", "app.py"]
